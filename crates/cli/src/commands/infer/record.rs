//! From what a run did to what a policy has to grant for it.

use std::net::ToSocketAddrs as _;
use std::path::Path;

use gauntlet_lint::{Observed, Place, UsedDirectory, narrow};
use gauntlet_policy::{Access, FileGrant, Policy, Variable};
use gauntlet_record::Ending;
use gauntlet_target::{GrantUse, Outcome};

use super::Recording;
use crate::failure::Failure;

/// Most variables that are left out one by one; more are kept as they were offered.
const MOST_VARIABLES: usize = 16;

/// How directories are granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Directories {
    /// As narrow as what was used.
    Narrowed,
    /// As they were offered, if they were used at all.
    Offered,
}

/// A variable that stays, and how that is known.
pub(super) struct Kept {
    variable: Variable,
    why: &'static str,
}

/// Whether a run ended well.
pub(super) fn well(outcome: &Outcome) -> bool {
    let end = &outcome.ending;
    end.ending == Ending::Returned || (end.ending == Ending::Exited && end.exit_code == Some(0))
}

fn used<'o>(outcome: &'o Outcome, name: &str) -> Option<&'o GrantUse> {
    outcome.grants.iter().find(|grant| grant.grant == name)
}

impl Recording {
    /// Which of the offered variables make a difference. A guest is handed all of them at once, so which ones it looks at is not seen; a
    /// run that changes nothing outside is run again without each.
    pub(super) fn variables(&self, outcome: &Outcome) -> Result<Vec<Kept>, Failure> {
        let offered = &self.policy.grants.environment;
        let keep = |why| offered.iter().map(|variable| Kept { variable: variable.clone(), why }).collect();
        if used(outcome, "environment").is_none_or(|grant| grant.calls == 0) {
            return Ok(Vec::new());
        }
        let acts = outcome
            .grants
            .iter()
            .any(|grant| grant.network_tries > 0 || grant.places.iter().any(|place| place.changed));
        if acts || offered.len() > MOST_VARIABLES {
            return Ok(keep("the run read its environment, and cannot be repeated to see which of it"));
        }
        let mut policy = self.policy.clone();
        let mut kept = Vec::new();
        for variable in offered {
            let without: Policy = {
                let mut without = policy.clone();
                without.grants.environment.retain(|other| other.name.value != variable.name.value);
                without
            };
            if same(&self.run(&without)?, outcome) {
                policy = without;
            } else {
                kept.push(Kept { variable: variable.clone(), why: "without it the run is another" });
            }
        }
        Ok(kept)
    }

    /// What the recorded run used.
    pub(super) fn observed(&self, outcome: &Outcome, variables: &[Kept], directories: Directories) -> Observed {
        let used_at_all = |name: &str| used(outcome, name).is_some_and(|grant| grant.calls > 0 || grant.bytes_read > 0);
        let grants = &self.policy.grants;
        Observed {
            directories: grants.filesystem.iter().flat_map(|grant| granted(grant, outcome, directories)).collect(),
            addresses: self.addresses(outcome),
            variables: variables
                .iter()
                .map(|Kept { variable, why }| {
                    (variable.name.value.clone(), variable.value.value.clone(), (*why).to_owned())
                })
                .collect(),
            arguments: if used_at_all("arguments") { self.arguments.clone() } else { Vec::new() },
            stdin: used_at_all("stdin"),
            usage: outcome.usage.clone(),
        }
    }

    fn addresses(&self, outcome: &Outcome) -> Vec<(String, String)> {
        let tried = |name: &str| used(outcome, name).filter(|grant| grant.network_tries > 0);
        let mut found: Vec<(String, String)> = Vec::new();
        for offered in &self.offered {
            if offered == "*" {
                for place in tried(offered).map(|grant| &grant.places[..]).unwrap_or_default() {
                    found.push((place.name.clone(), "connected there, with any address offered".to_owned()));
                }
                continue;
            }
            // A worker is given names as the addresses that they stood for.
            let resolved = offered.to_socket_addrs().into_iter().flatten().map(|address| address.to_string());
            let tries: u64 = std::iter::once(offered.clone())
                .chain(resolved)
                .collect::<std::collections::BTreeSet<_>>()
                .iter()
                .filter_map(|name| tried(name))
                .map(|grant| grant.network_tries)
                .sum();
            if tries > 0 {
                found.push((offered.clone(), format!("connected there {tries} time(s)")));
            }
        }
        found
    }
}

/// Whether two runs cannot be told apart from outside.
fn same(one: &Outcome, other: &Outcome) -> bool {
    let seen = |outcome: &Outcome| {
        let end = &outcome.ending;
        let denied: Vec<_> = outcome.denials.iter().map(|denial| (denial.cause, denial.count)).collect();
        (end.ending, end.cause, end.exit_code, denied)
    };
    seen(one) == seen(other) && one.stdout == other.stdout && one.stderr == other.stderr
}

/// What has to be granted of an offered directory.
fn granted(grant: &FileGrant, outcome: &Outcome, directories: Directories) -> Vec<UsedDirectory> {
    let Some(seen) = used(outcome, &grant.guest.value) else { return Vec::new() };
    let places: Vec<Place> = seen
        .places
        .iter()
        .map(|place| Place { path: place.name.clone(), changed: place.changed, directory: place.directory })
        .collect();
    let (host, guest) = (&grant.host.value, &grant.guest.value);
    let whole = |access, why: &str| {
        vec![UsedDirectory { host: host.clone(), guest: guest.clone(), access, why: why.to_owned() }]
    };
    match (grant.access.value, directories) {
        (Access::Scratch, _) if !places.is_empty() => return whole(Access::Scratch, "used a directory of its own"),
        (Access::Scratch, _) => return Vec::new(),
        (access, Directories::Offered) if seen.calls > 0 || !places.is_empty() => {
            return whole(access, "used it, and did not run with less");
        }
        (Access::ReadOnly | Access::ReadWrite, Directories::Narrowed | Directories::Offered) => {}
    }
    let is_directory = |path: &str| Path::new(host).join(path).is_dir();
    narrow(&places, is_directory)
        .into_iter()
        .map(|(path, changed)| {
            let below = |base: &str| {
                if path.is_empty() { base.to_owned() } else { format!("{}/{path}", base.trim_end_matches('/')) }
            };
            let inside: Vec<&Place> = places
                .iter()
                .filter(|place| path.is_empty() || place.path == path || place.path.starts_with(&format!("{path}/")))
                .collect();
            UsedDirectory {
                host: below(host),
                guest: below(guest),
                access: if changed { Access::ReadWrite } else { Access::ReadOnly },
                why: why(&inside, changed),
            }
        })
        .collect()
}

/// What was done in a directory, in a clause.
fn why(places: &[&Place], changed: bool) -> String {
    let telling = places.iter().filter(|place| place.changed == changed && !place.path.is_empty());
    let named: Vec<&str> = telling.map(|place| place.path.as_str()).collect();
    let verb = if changed { "changed" } else { "read" };
    match named.split_first() {
        None => "listed it".to_owned(),
        Some((first, [])) => format!("{verb} `{first}`"),
        Some((first, rest)) => format!("{verb} `{first}` and {} more", rest.len()),
    }
}
