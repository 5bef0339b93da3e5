//! A plugin's manifest: who it is, what it asks for, what it can be called with. Read by the reader that reads policies.

use std::fmt;
use std::path::Path;

use gauntlet_inspect::Interface;
use gauntlet_policy::document::{self, Node, Value as YamlValue};
use gauntlet_policy::{Access, Fault, LoadError, Policy, Reader, Scope, Span, Stdin};
use gauntlet_record::LimitKey;
use serde::{Deserialize, Serialize};

use crate::typed::same_name;

/// What a plugin says of itself.
///
/// ```
/// use gauntlet_sandbox::Manifest;
///
/// let manifest = Manifest::parse(
///     "greeter.yaml",
///     "id: acme.greeter
/// version: 1.2.0
/// description: says hello
/// permissions:
///   - read: /data
///   - environment: GREETING
/// limits: { memory: 16MiB }
/// entry-points:
///   - { name: greet, parameters: [string], returns: string }
/// dependencies:
///   - { id: acme.words, version: 1.0.0 }
/// ",
/// )
/// .expect("a sound manifest");
/// assert_eq!(manifest.entry_points[0].name, "greet");
/// // The strict policy grants neither the directory nor the variable.
/// let missing = manifest.missing(&gauntlet_sandbox::Policy::default());
/// assert_eq!(missing.len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    /// Its name, for example `acme.greeter`: letters, digits, `.`, `-` and `_`.
    pub id: String,
    /// Its version: three numbers.
    pub version: String,
    /// What it is for.
    pub description: String,
    /// What it asks for.
    pub permissions: Vec<Permission>,
    /// The limits that it needs at least, in their base units.
    pub limits: Vec<(LimitKey, u64)>,
    /// What it can be called with. A call of anything else is refused.
    pub entry_points: Vec<EntryPoint>,
    /// Other plugins that have to be there.
    pub dependencies: Vec<Dependency>,
}

/// Something that a plugin asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Permission {
    /// Reading below a path, as the guest names it.
    Read(String),
    /// Reading and writing below a path, as the guest names it.
    Write(String),
    /// Connecting to `host:port`.
    Connect(String),
    /// An environment variable, by name.
    Environment(String),
    /// Standard input.
    Stdin,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path) => write!(f, "read: {path}"),
            Self::Write(path) => write!(f, "write: {path}"),
            Self::Connect(address) => write!(f, "connect: {address}"),
            Self::Environment(name) => write!(f, "environment: {name}"),
            Self::Stdin => f.write_str("stdin"),
        }
    }
}

/// A function that a plugin can be called with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EntryPoint {
    /// Its name, as the guest exports it; of a component also `interface#function`.
    pub name: String,
    /// The types of its parameters, in the words of core WebAssembly or of the component model.
    pub parameters: Vec<String>,
    /// The type of its result; several for core functions.
    pub returns: Vec<String>,
}

/// Another plugin that has to be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Dependency {
    /// Its name.
    pub id: String,
    /// The least version that will do; a higher first number will not.
    pub version: String,
}

/// Something that a plugin asks for and the policy does not grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Missing {
    /// What is asked for.
    pub asked: String,
    /// The key of the policy that would grant it.
    pub needed: String,
    /// What the policy grants there.
    pub held: Vec<String>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = if self.held.is_empty() { "nothing".to_owned() } else { self.held.join(", ") };
        write!(f, "`{}` needs `{}`, which grants {held}", self.asked, self.needed)
    }
}

/// A manifest that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("cannot read the manifest `{name}`")]
    File {
        /// The file.
        name: String,
        /// Why not.
        source: LoadError,
    },
    /// The text has faults.
    #[error("the manifest `{name}` has {} fault(s), first at line {}: {}", .faults.len(), .faults.first().map_or(0, |fault| fault.span.line), .faults.first().map_or("", |fault| fault.message.as_str()))]
    Faults {
        /// How the manifest is called.
        name: String,
        /// All of its faults.
        faults: Vec<Fault>,
    },
}

impl Manifest {
    /// Reads a manifest from a file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or its text has faults.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ManifestError> {
        let name = path.as_ref().to_string_lossy().into_owned();
        let file = |source| ManifestError::File { name: name.clone(), source };
        let bytes = gauntlet_policy::read_limited(path.as_ref(), gauntlet_policy::MAX_POLICY_BYTES).map_err(file)?;
        let text = std::str::from_utf8(&bytes).map_err(|error| file(LoadError::NotUtf8(error.valid_up_to())))?;
        Self::parse(&name, text)
    }

    /// Reads a manifest. `name` is how messages call it.
    ///
    /// # Errors
    ///
    /// All faults of the text at once: not YAML, unknown and duplicate keys, missing keys, wrong types.
    pub fn parse(name: &str, text: &str) -> Result<Self, ManifestError> {
        let faults = |faults| ManifestError::Faults { name: name.to_owned(), faults };
        let node = document::parse(text).map_err(faults)?;
        let mut reader = Reader::default();
        let manifest = read(&mut reader, &node);
        if reader.faults.is_empty() {
            return Ok(manifest);
        }
        reader.faults.sort_by_key(|fault| fault.span);
        Err(faults(reader.faults))
    }

    /// What the plugin asks for and a policy does not grant; empty if it may run.
    #[must_use]
    pub fn missing(&self, policy: &Policy) -> Vec<Missing> {
        let grants = &policy.grants;
        let files = || {
            let each =
                |grant: &gauntlet_policy::FileGrant| format!("{} ({})", grant.guest.value, grant.access.value.as_str());
            grants.filesystem.iter().map(each).collect()
        };
        let below = |path: &str, writes: bool| {
            grants
                .filesystem
                .iter()
                .any(|grant| within(path, &grant.guest.value) && (!writes || grant.access.value != Access::ReadOnly))
        };
        let asked = self.permissions.iter().filter_map(|permission| {
            let (held, key, list): (bool, &str, Vec<String>) = match permission {
                Permission::Read(path) => (below(path, false), "grants.filesystem", files()),
                Permission::Write(path) => (below(path, true), "grants.filesystem", files()),
                Permission::Connect(address) => (
                    grants.network.iter().any(|grant| {
                        grant.scope == Scope::Connect && (grant.address.value == *address || grant.address.value == "*")
                    }),
                    "grants.network",
                    grants.network.iter().map(|grant| grant.address.value.clone()).collect(),
                ),
                Permission::Environment(name) => (
                    grants.environment.iter().any(|variable| variable.name.value == *name),
                    "grants.environment",
                    grants.environment.iter().map(|variable| variable.name.value.clone()).collect(),
                ),
                Permission::Stdin => (grants.stdin.value == Stdin::Inherit, "grants.stdin", vec!["closed".into()]),
            };
            (!held).then(|| Missing { asked: permission.to_string(), needed: key.into(), held: list })
        });
        let host = crate::host_memory();
        let limits = self.limits.iter().filter_map(|(key, wanted)| {
            let granted = policy.limits.resolve(*key, host)?;
            (*wanted > granted).then(|| Missing {
                asked: format!("{key}: {}", key.unit().show(*wanted)),
                needed: format!("limits.{key}"),
                held: vec![key.unit().show(granted)],
            })
        });
        asked.chain(limits).collect()
    }

    /// The entry point of a name.
    #[must_use]
    pub fn entry_point(&self, name: &str) -> Option<&EntryPoint> {
        self.entry_points.iter().find(|entry| same_name(&entry.name, name))
    }

    /// Entry points that a guest does not export, or exports with other types; empty if all are there.
    #[must_use]
    pub fn unmet(&self, interface: &Interface) -> Vec<String> {
        self.entry_points.iter().filter_map(|entry| unmet(entry, interface)).collect()
    }

    /// Dependencies that are not among the plugins that are there.
    #[must_use]
    pub fn unresolved<'m>(&self, present: impl IntoIterator<Item = &'m Self>) -> Vec<&Dependency> {
        let present: Vec<&Self> = present.into_iter().collect();
        let met = |wanted: &Dependency| {
            present.iter().any(|plugin| {
                let (have, want) = (numbers(&plugin.version), numbers(&wanted.version));
                plugin.id == wanted.id && have.zip(want).is_some_and(|(have, want)| have[0] == want[0] && have >= want)
            })
        };
        self.dependencies.iter().filter(|wanted| !met(wanted)).collect()
    }
}

fn unmet(entry: &EntryPoint, interface: &Interface) -> Option<String> {
    let exact = interface.exports.get_key_value(&entry.name);
    let within = || interface.exports.iter().find(|(name, _)| name.rsplit('#').next() == Some(entry.name.as_str()));
    let Some((_, kind)) = exact.or_else(within) else {
        return Some(format!("`{}` is not exported", entry.name));
    };
    let (parameters, returns) = (entry.parameters.join(", "), entry.returns.join(", "));
    let expected = if interface.component {
        // Parameters of a component have names, which a manifest does not repeat.
        let (given, result) = kind.strip_prefix("func(").and_then(|rest| rest.rsplit_once(')'))?;
        let given: Vec<&str> = split(given).map(|one| one.split_once(": ").map_or(one, |(_, kind)| kind)).collect();
        let result = result.strip_prefix(" -> ").unwrap_or_default();
        let same = given.join(", ") == parameters && result == returns;
        return (!same)
            .then(|| format!("`{}` is `{kind}`, the manifest says `({parameters}) -> {returns}`", entry.name));
    } else {
        format!("func({parameters}) -> ({returns})")
    };
    (*kind != expected).then(|| format!("`{}` is `{kind}`, the manifest says `{expected}`", entry.name))
}

/// The parameters of a signature: commas within angle brackets belong to a type.
fn split(parameters: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    parameters
        .split(move |c| {
            match c {
                '<' => depth += 1,
                '>' => depth = depth.saturating_sub(1),
                _ => {}
            }
            c == ',' && depth == 0
        })
        .map(str::trim)
        .filter(|one| !one.is_empty())
}

/// Whether a path lies within a granted one. Dots are no names: a path that has them lies nowhere.
fn within(path: &str, grant: &str) -> bool {
    if path.split('/').any(|part| part == "..") {
        return false;
    }
    let (path, grant) = (path.trim_end_matches('/'), grant.trim_end_matches('/'));
    path == grant || path.strip_prefix(grant).is_some_and(|rest| rest.starts_with('/'))
}

/// The three numbers of a version.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let mut parts = version.split('.').map(|part| part.parse::<u64>().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

fn read(reader: &mut Reader, node: &Node) -> Manifest {
    const KEYS: &[&str] = &["id", "version", "description", "permissions", "limits", "entry-points", "dependencies"];
    let mut manifest = Manifest::default();
    for entry in reader.entries("manifest", node, KEYS) {
        let value = &entry.value;
        match entry.key.value.as_str() {
            "id" => manifest.id = text(reader, "id", value),
            "version" => manifest.version = version(reader, "version", value),
            "description" => manifest.description = text(reader, "description", value),
            "permissions" => {
                let items = reader.items("permissions", value);
                manifest.permissions = items.iter().filter_map(|item| permission(reader, item)).collect();
            }
            "limits" => {
                let known: Vec<&str> = LimitKey::ALL.iter().map(|key| key.as_str()).collect();
                for entry in reader.entries("limits", value, &known) {
                    if let Ok(key) = entry.key.value.parse::<LimitKey>()
                        && let Some(number) = reader.quantity(&entry.key.value, &entry.value, key.unit())
                    {
                        manifest.limits.push((key, number.value));
                    }
                }
            }
            "entry-points" => {
                let items = reader.items("entry-points", value);
                manifest.entry_points = items.iter().filter_map(|item| entry_point(reader, item)).collect();
            }
            _ => {
                let items = reader.items("dependencies", value);
                manifest.dependencies = items.iter().filter_map(|item| dependency(reader, item)).collect();
            }
        }
    }
    let at = Span { end: node.span.start + 1, ..node.span };
    for (key, value) in [("id", &manifest.id), ("version", &manifest.version)] {
        if value.is_empty() && node.get(key).is_none() {
            reader.fault("missing-key", format!("the manifest has no `{key}`"), format!("Add `{key}`."), at);
        }
    }
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if !manifest.id.chars().all(named) || manifest.id.len() > 128 {
        let span = node.get("id").map_or(at, |id| id.span);
        reader.fault("not-an-id", "the id is no plain name", "Use letters, digits, `.`, `-` and `_`.", span);
    }
    manifest
}

fn text(reader: &mut Reader, what: &str, node: &Node) -> String {
    reader.text(what, node).map(|text| text.value).unwrap_or_default()
}

fn version(reader: &mut Reader, what: &str, node: &Node) -> String {
    let version = text(reader, what, node);
    if numbers(&version).is_none() {
        reader.fault("not-a-version", format!("`{what}` is `{version}`"), "Write three numbers: `1.2.0`.", node.span);
    }
    version
}

fn permission(reader: &mut Reader, node: &Node) -> Option<Permission> {
    if let YamlValue::Scalar { .. } = node.value {
        return reader.word("permissions", node, &[("stdin", ())]).map(|_| Permission::Stdin);
    }
    let mut found = Vec::new();
    for entry in reader.entries("permissions", node, &["read", "write", "connect", "environment"]) {
        let value = text(reader, &entry.key.value, &entry.value);
        found.push(match entry.key.value.as_str() {
            "read" => Permission::Read(value),
            "write" => Permission::Write(value),
            "connect" => Permission::Connect(value),
            _ => Permission::Environment(value),
        });
    }
    if found.len() != 1 {
        reader.fault(
            "not-a-permission",
            "an entry of `permissions` names one thing",
            "Write one entry for each.",
            node.span,
        );
    }
    found.pop()
}

fn entry_point(reader: &mut Reader, node: &Node) -> Option<EntryPoint> {
    let mut found = EntryPoint { name: String::new(), parameters: Vec::new(), returns: Vec::new() };
    for entry in reader.entries("entry-points", node, &["name", "parameters", "returns"]) {
        let list = |reader: &mut Reader, what: &str| match entry.value.value {
            YamlValue::Scalar { .. } => vec![text(reader, what, &entry.value)],
            YamlValue::Sequence(_) | YamlValue::Mapping(_) => {
                reader.texts(what, &entry.value).into_iter().map(|text| text.value).collect()
            }
        };
        match entry.key.value.as_str() {
            "name" => found.name = text(reader, "name", &entry.value),
            "parameters" => found.parameters = list(reader, "parameters"),
            _ => found.returns = list(reader, "returns"),
        }
    }
    if found.name.is_empty() {
        reader.fault("missing-key", "an entry point without `name`", "Name the exported function.", node.span);
        return None;
    }
    Some(found)
}

fn dependency(reader: &mut Reader, node: &Node) -> Option<Dependency> {
    let mut found = Dependency { id: String::new(), version: String::new() };
    for entry in reader.entries("dependencies", node, &["id", "version"]) {
        match entry.key.value.as_str() {
            "id" => found.id = text(reader, "id", &entry.value),
            _ => found.version = version(reader, "version", &entry.value),
        }
    }
    if found.id.is_empty() || found.version.is_empty() {
        reader.fault("missing-key", "a dependency without `id` and `version`", "Write both.", node.span);
        return None;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(text: &str) -> Manifest {
        Manifest::parse("t", &format!("id: a.b\nversion: 1.0.0\n{text}")).unwrap()
    }

    fn policy(text: &str) -> Policy {
        Policy::parse("t", &format!("version: 1\n{text}")).unwrap()
    }

    #[test]
    fn faults_are_listed_all_at_once() {
        let text = "id: a b\nversion: 1.x\npermissions: [ { red: /x }, stdin, 7 ]\nentry-points: [ {} ]\nlimits: { memory: 1 }\n";
        let ManifestError::Faults { faults, .. } = Manifest::parse("t", text).unwrap_err() else { panic!("faults") };
        let rules: Vec<&str> = faults.iter().map(|fault| fault.rule).collect();
        for rule in ["not-an-id", "not-a-version", "unknown-key", "unknown-value", "missing-key", "not-a-quantity"] {
            assert!(rules.contains(&rule), "{rule} of {rules:?}");
        }
        assert!(Manifest::parse("t", "[]").is_err());
        assert!(Manifest::parse("t", "").is_err());
    }

    #[test]
    fn what_is_asked_for_and_not_granted_is_listed() {
        let asks = manifest(
            "permissions: [ { read: /data/in }, { write: /data }, { read: /database }, { read: /data/../etc }, { connect: \"a:1\" }, { environment: A }, stdin ]\nlimits: { memory: 64MiB, fuel: 1 }\n",
        );
        let policy = policy(
            "limits: { memory: 1MiB }\ngrants: { filesystem: [ { host: /d, guest: /data, access: read-only } ], network: [ { connect: \"b:1\" } ], environment: { A: \"1\" } }\n",
        );
        let missing: Vec<String> = asks.missing(&policy).into_iter().map(|missing| missing.asked).collect();
        let expected =
            ["write: /data", "read: /database", "read: /data/../etc", "connect: a:1", "stdin", "memory: 64 MiB"];
        assert_eq!(missing, expected);
    }

    #[test]
    fn entry_points_are_compared_with_exports() {
        let module =
            wat::parse_str(r#"(module (func (export "add") (param i32 i32) (result i32) unreachable))"#).unwrap();
        let interface = Interface::of(&module);
        let good = manifest("entry-points: [ { name: add, parameters: [i32, i32], returns: i32 } ]\n");
        assert_eq!(good.unmet(&interface), Vec::<String>::new());
        let bad = manifest("entry-points: [ { name: add, parameters: [i32], returns: i32 }, { name: sub } ]\n");
        assert_eq!(bad.unmet(&interface).len(), 2);
    }

    #[test]
    fn dependencies_are_met_by_the_same_first_number() {
        let wants = manifest("dependencies: [ { id: x, version: 1.2.0 } ]\n");
        let there = |version: &str| Manifest { id: "x".into(), version: version.into(), ..Manifest::default() };
        assert!(wants.unresolved([&there("1.2.3")]).is_empty());
        for version in ["1.1.9", "2.0.0", "x"] {
            assert_eq!(wants.unresolved([&there(version)]).len(), 1, "{version}");
        }
    }

    #[test]
    fn commas_within_types_do_not_split() {
        let parts: Vec<&str> = split("a: tuple<u8, u8>, b: string").collect();
        assert_eq!(parts, ["a: tuple<u8, u8>", "b: string"]);
    }
}
