//! A policy of another host as one of ours, with what could not be carried over.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use gauntlet_policy::{Access, Fault, Feature, FileGrant, Limit, Limits, Policy, Span, quoted, readable};
use gauntlet_record::LimitKey;

use super::Foreign;
use super::part::{Left, Part};
use crate::escape;

/// Limits of 0 by default that a network grant needs something of, and what an import writes then. Connections are many times what one
/// request takes, bytes are a few documents.
const NETWORK: &[(LimitKey, u64)] = &[(LimitKey::Connections, 16), (LimitKey::NetworkBytes, 16 << 20)];

/// A policy that was carried over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Our policy, as a file: with comments that say where each value comes from and what is missing.
    pub yaml: String,
    /// The same, read back.
    pub policy: Policy,
    /// What could not be carried over, in the order of the file.
    pub left: Vec<Left>,
}

/// Carries one guest of a foreign policy over into our format.
///
/// A limit that the file does not name is the strict default, whatever its host takes; one that it names as none at all is `unlimited`, and
/// is found by the linter.
///
/// # Errors
///
/// The structural faults of the result, if it would be too large to be a policy.
///
/// ```
/// use gauntlet_lint::foreign;
///
/// let text = "wasmtime run --dir ./data::/data -W fuel=1000000 x.wasm\n";
/// let kind = foreign::recognise(text).expect("a format we know");
/// let line = foreign::read(kind, "run.sh", text).expect("a sound file");
/// let imported = foreign::import(&line, &line.parts[0]).expect("a small policy");
/// assert_eq!(imported.policy.grants.filesystem[0].guest.value, "/data");
/// assert!(imported.left.iter().any(|left| left.what == "no limit on memory"));
/// ```
pub fn import(foreign: &Foreign, part: &Part) -> Result<Imported, Vec<Fault>> {
    let mut left = part.left.clone();
    let mut kept = part.import.clone();
    // Two of one name or place are one too many for our reader or our executor.
    let mut places = BTreeSet::new();
    kept.grants.filesystem.retain(|grant| {
        let first = places.insert(grant.guest.value.clone());
        if !first {
            let what = format!("the directory `{}`", grant.host.value);
            left.push(Left { what, why: "another one has its place in the guest".into(), span: grant.span });
        }
        first
    });
    let mut names = BTreeSet::new();
    kept.grants.environment.retain(|variable| {
        let first = names.insert(variable.name.value.clone());
        if !first {
            let what = format!("the variable `{}`", variable.name.value);
            left.push(Left { what, why: "it is set twice; the first is kept".into(), span: variable.name.span });
        }
        first
    });
    left.sort_by(|a, b| (a.span, &a.what).cmp(&(b.span, &b.what)));
    left.dedup_by(|a, b| a.span == b.span && a.what == b.what);
    let yaml = Writer { out: String::new() }.write(foreign, &part.name, &kept, &left);
    let policy = Policy::parse(&foreign.name, &yaml)?;
    Ok(Imported { yaml, policy, left })
}

struct Writer {
    out: String,
}

impl Writer {
    fn write(mut self, foreign: &Foreign, name: &str, policy: &Policy, left: &[Left]) -> String {
        let name = if name.is_empty() { String::new() } else { format!(", `{name}`") };
        self.comment("", &format!("Imported from {} ({}{name}).", foreign.name, foreign.kind));
        if !left.is_empty() {
            self.comment("", "Not carried over as it stands:");
            for item in left {
                self.comment("", &format!("  line {}: {}: {}", item.span.line, item.what, item.why));
            }
        }
        self.out.push_str("\nversion: 1\n\nlimits:\n");
        self.limits(policy);
        self.grants(policy);
        self.rest(policy);
        self.out
    }

    /// A line of comment. What it says may come from the file: it is escaped, and stays one line.
    fn comment(&mut self, indent: &str, text: &str) {
        let _ = writeln!(self.out, "{indent}# {}", escape::message(text));
    }

    fn limits(&mut self, policy: &Policy) {
        let network = !policy.grants.network.is_empty();
        for key in LimitKey::ALL.iter().copied() {
            let given = NETWORK.iter().find(|(given, _)| network && *given == key).map(|(_, number)| *number);
            let (value, comment) = match (policy.limits.get(key), given, Limits::strict(key)) {
                (Limit::At(number, span), ..) => (readable(number, key.unit()), line(span)),
                (Limit::Unlimited(span), ..) => ("unlimited".to_owned(), line(span)),
                (Limit::Share(percent, span), ..) => (format!("{percent}%"), line(span)),
                (Limit::Default, Some(number), _) => (
                    readable(number, key.unit()),
                    "for the network grants; lower it to what the guest needs".to_owned(),
                ),
                (Limit::Default, None, Some(number)) => (readable(number, key.unit()), "the strict default".to_owned()),
                (Limit::Default, None, None) => continue,
            };
            let _ = writeln!(self.out, "  {key}: {value} # {comment}");
        }
    }

    fn grants(&mut self, policy: &Policy) {
        let grants = &policy.grants;
        self.out.push_str("\ngrants:\n");
        self.list("filesystem", &grants.filesystem, |grant| (file_grant(grant), grant.span));
        self.list("network", &grants.network, |grant| {
            (format!("{{ {}: {} }}", grant.scope.as_str(), quoted(&grant.address.value)), grant.span)
        });
        if grants.environment.is_empty() {
            self.out.push_str("  environment: {}\n");
        } else {
            self.out.push_str("  environment:\n");
            for variable in &grants.environment {
                let (name, value) = (quoted(&variable.name.value), quoted(&variable.value.value));
                let _ = writeln!(self.out, "    {name}: {value} # {}", line(variable.name.span));
            }
        }
        self.list("arguments", &grants.arguments, |argument| (quoted(&argument.value), argument.span));
        self.out.push_str("  stdin: closed\n");
    }

    fn list<T>(&mut self, key: &str, items: &[T], show: impl Fn(&T) -> (String, Span)) {
        if items.is_empty() {
            let _ = writeln!(self.out, "  {key}: []");
            return;
        }
        let _ = writeln!(self.out, "  {key}:");
        for item in items {
            let (text, span) = show(item);
            let _ = writeln!(self.out, "    - {text} # {}", line(span));
        }
    }

    fn rest(&mut self, policy: &Policy) {
        let named: Vec<_> = Feature::ALL.iter().filter_map(|it| Some((it, policy.features.named(*it)?))).collect();
        if !named.is_empty() {
            self.out.push_str("\nfeatures:\n");
            for (feature, (allowed, span)) in named {
                let _ = writeln!(self.out, "  {}: {allowed} # {}", feature.as_str(), line(span));
            }
        }
        if !policy.modules.sha256.is_empty() {
            self.out.push_str("\nmodules:\n");
            self.list("sha256", &policy.modules.sha256, |digest| (digest.value.clone(), digest.span));
        }
        self.out.push_str("\naudit: { log: gauntlet-audit.jsonl } # ours; the file names none\n");
    }
}

fn line(span: Span) -> String {
    format!("line {}", span.line)
}

fn file_grant(grant: &FileGrant) -> String {
    let guest = if grant.guest_named && !grant.guest.value.is_empty() {
        format!(", guest: {}", quoted(&grant.guest.value))
    } else {
        String::new()
    };
    let access = match grant.access.value {
        access @ (Access::ReadOnly | Access::ReadWrite) => access,
        // No reader makes one: scratch is ours alone.
        Access::Scratch => Access::ReadOnly,
    };
    format!("{{ host: {}{guest}, access: {} }}", quoted(&grant.host.value), access.as_str())
}
