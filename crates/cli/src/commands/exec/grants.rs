//! Grants that the command line adds to a policy.

use std::path::Path;

use anyhow::anyhow;
use gauntlet_policy::{Access, FileGrant, LoadError, NetworkGrant, Policy, Scope, Span, Spanned, Stdin, Variable};

use crate::failure::Failure;
use crate::inputs;

/// What the command line grants, as it was written.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::commands) struct Offer<'a> {
    /// Directories, as `HOST::GUEST` or `HOST::GUEST:ACCESS`.
    pub(in crate::commands) dir: &'a [String],
    /// Variables, as `NAME=VALUE`.
    pub(in crate::commands) env: &'a [String],
    /// Addresses to connect to.
    pub(in crate::commands) net: &'a [String],
    /// Standard input.
    pub(in crate::commands) stdin: bool,
}

/// Adds what the command line grants, and says what that was. The policy is read again afterwards, so that an added grant has to be as
/// sound as a written one.
pub(in crate::commands) fn add(policy: Policy, args: &Offer<'_>) -> Result<(Policy, Vec<String>), Failure> {
    let mut added = Vec::new();
    let mut wider = policy.clone();
    for text in args.dir {
        let grant = directory(text).map_err(|why| Failure::usage(anyhow!("--dir `{text}`: {why}")))?;
        let shown = if grant.access.value == Access::Scratch { "a directory of its own" } else { &grant.host.value };
        added.push(format!("filesystem: {} ({}) is {shown}", grant.guest.value, grant.access.value.as_str()));
        wider.grants.filesystem.push(grant);
    }
    for text in args.env {
        let Some((name, value)) = text.split_once('=') else {
            let why = format!("no value; nothing is inherited, so write `{text}=..`");
            return Err(Failure::usage(anyhow!("--env `{text}`: {why}")));
        };
        // The value may be a secret, which has no place in a report.
        added.push(format!("environment: {name}"));
        wider.grants.environment.retain(|variable| variable.name.value != name);
        wider.grants.environment.push(Variable { name: here(name), value: here(value) });
    }
    for address in args.net {
        added.push(format!("network: {address}"));
        let reason = None;
        wider.grants.network.push(NetworkGrant {
            scope: Scope::Connect,
            address: here(address),
            reason,
            span: Span::default(),
        });
    }
    if args.stdin && policy.grants.stdin.value == Stdin::Closed {
        added.push("stdin".to_owned());
        wider.grants.stdin.value = Stdin::Inherit;
    }
    if added.is_empty() {
        return Ok((policy, added));
    }
    let name = format!("{} with the command line's grants", policy.name);
    let text = wider.to_yaml();
    let read = Policy::parse(&name, &text)
        .map_err(|faults| inputs::unusable(&name, LoadError::Faults { text: text.clone(), faults }))?;
    Ok((read, added))
}

fn here(text: &str) -> Spanned<String> {
    Spanned { value: text.to_owned(), span: Span::default() }
}

/// Reads `HOST::GUEST` or `HOST::GUEST:ACCESS`.
fn directory(text: &str) -> Result<FileGrant, String> {
    let (host, rest) = text.split_once("::").ok_or("write it as HOST::GUEST or HOST::GUEST:ACCESS")?;
    let (guest, access) = match rest.rsplit_once(':') {
        None => (rest, Access::ReadOnly),
        Some((guest, "ro" | "read-only")) => (guest, Access::ReadOnly),
        Some((guest, "rw" | "read-write")) => (guest, Access::ReadWrite),
        Some((guest, "scratch")) => (guest, Access::Scratch),
        Some((_, other)) => return Err(format!("no access `{other}`; there are ro, rw and scratch")),
    };
    if guest.is_empty() {
        return Err("the guest's name for it is missing".to_owned());
    }
    match (access, host) {
        (Access::Scratch, "") => {}
        (Access::Scratch, _) => return Err("a scratch directory has no host's side: `::/tmp:scratch`".to_owned()),
        (Access::ReadOnly | Access::ReadWrite, "") => return Err("the host's directory is missing".to_owned()),
        (Access::ReadOnly | Access::ReadWrite, host) => match std::fs::metadata(Path::new(host)) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(format!("`{host}` is no directory")),
            Err(error) => return Err(format!("`{host}` cannot be used: {error}")),
        },
    }
    Ok(FileGrant {
        host: here(host),
        guest: here(guest),
        guest_named: true,
        access: Spanned { value: access, span: Span::default() },
        reason: None,
        span: Span::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, String, Access), String> {
        directory(text).map(|grant| (grant.host.value, grant.guest.value, grant.access.value))
    }

    #[test]
    fn a_directory_is_read_only_unless_it_says_more() {
        assert_eq!(read("/::/data"), Ok(("/".into(), "/data".into(), Access::ReadOnly)));
        assert_eq!(read("/::/data:ro"), Ok(("/".into(), "/data".into(), Access::ReadOnly)));
        assert_eq!(read("/::/data:rw"), Ok(("/".into(), "/data".into(), Access::ReadWrite)));
        assert_eq!(read("::/tmp:scratch"), Ok((String::new(), "/tmp".into(), Access::Scratch)));
    }

    #[test]
    fn a_directory_that_cannot_be_meant_is_refused() {
        for text in ["/", "/:/data", "::/data", "/::", "/::/data:rx", "/::/tmp:scratch", "/no/such/place::/data"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
