//! Policies that people already have, of other hosts: each format is read into our own typed grants, with places in the original file, so
//! that the same rules judge it.
//!
//! A format is known by its content, never by its name alone. What its host is known not to hold is listed in `data/not-enforced.yaml` and
//! found by the rule `grant-not-enforceable`. A value that a host needs to start at all is the host's own business: what it would refuse
//! is not judged here, only what it would run.
//!
//! ```
//! use gauntlet_lint::{Options, foreign};
//!
//! let text = "version: \"1.0\"\npermissions:\n  storage:\n    allow: [{ uri: \"fs:///\", access: [read] }]\n";
//! let kind = foreign::recognise(text).expect("a format we know");
//! assert_eq!(kind, foreign::Kind::Wassette);
//! let policy = foreign::read(kind, "policy.yaml", text).expect("a sound file");
//! let findings = foreign::lint_all(&policy, &Options::default()).findings;
//! assert!(findings.iter().any(|finding| finding.rule == "grant-root" && finding.location.line == 4));
//! ```

mod addresses;
mod extism;
mod import;
mod kind;
mod locate;
mod not_enforced;
mod part;
mod recognise;
mod shell;
mod spin;
mod toml;
mod wasmtime;
mod wassette;

use gauntlet_policy::Fault;
use gauntlet_policy::document::{self, Node};
use gauntlet_record::Finding;

use crate::rule::{Findings, Input};
use crate::{Linted, Options, rules};

pub use import::{Imported, import};
pub use kind::Kind;
pub use not_enforced::{NotEnforced, not_enforced};
pub(crate) use part::Remark;
pub use part::{Left, Part};
pub use recognise::recognise;

/// Deepest nesting of a file, as in our own.
const MAX_DEPTH: usize = 32;
/// Most values or words of a file, as in our own.
const MAX_NODES: usize = 20_000;
/// Most faults of one file that are listed.
const MOST_FAULTS: usize = 20;

/// A policy of another host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// Its format.
    pub kind: Kind,
    /// How messages call the file.
    pub name: String,
    /// The text that was read.
    pub text: String,
    /// One for each guest that the file is about: a component, a command.
    pub parts: Vec<Part>,
}

/// A guest that a file does not have, or one of several where none was named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", match .asked {
    Some(name) => format!("there is no guest `{name}`; there are {}", .there.join(", ")),
    None => format!("there are several guests: {}", .there.join(", ")),
})]
pub struct NoSuchPart {
    asked: Option<String>,
    there: Vec<String>,
}

impl Foreign {
    /// The guest of a name, or of a number from 1; without one, the only guest of the file.
    ///
    /// # Errors
    ///
    /// If there is none of that name, or several and none was named.
    pub fn part(&self, name: Option<&str>) -> Result<&Part, NoSuchPart> {
        let found = match name {
            None if self.parts.len() == 1 => self.parts.first(),
            None => None,
            Some(name) => {
                let number = name.parse::<usize>().ok().and_then(|number| self.parts.get(number.checked_sub(1)?));
                self.parts.iter().find(|part| part.name == name).or(number)
            }
        };
        found.ok_or_else(|| NoSuchPart {
            asked: name.map(str::to_owned),
            there: self
                .parts
                .iter()
                .enumerate()
                .map(|(at, part)| if part.name.is_empty() { (at + 1).to_string() } else { format!("`{}`", part.name) })
                .collect(),
        })
    }
}

/// Reads a text in a format. `name` is how messages call the file.
///
/// # Errors
///
/// All structural faults that can be found in one pass, with their places, as for our own policies.
pub fn read(kind: Kind, name: &str, text: &str) -> Result<Foreign, Vec<Fault>> {
    let parts = match kind {
        Kind::Wassette => wassette::read(&document::parse(text)?),
        Kind::Spin => spin::read(&toml::parse(text)?),
        Kind::Extism => extism::read(&if is_json(text) { json(text)? } else { toml::parse(text)? }),
        Kind::WasmtimeCommand => wasmtime::command::read(text),
        Kind::WasmtimeConfig => wasmtime::config::read(&toml::parse(text)?),
    }?;
    Ok(Foreign { kind, name: name.to_owned(), text: text.to_owned(), parts })
}

/// Holds a policy of another host against the rules that make sense for its format. Nothing is waived: these formats have no waivers.
///
/// Rules that look at this host are left out, since the paths are those of another one.
#[must_use]
pub fn lint_all(foreign: &Foreign, options: &Options) -> Linted {
    let mut found: Vec<Finding> = Vec::new();
    let mut text = foreign.text.clone();
    for part in &foreign.parts {
        let mut policy = part.policy.clone();
        policy.name.clone_from(&foreign.name);
        policy.text = text;
        for rule in rules::RULES.iter().copied() {
            if rule.input == Input::Policy && foreign.kind.takes(rule) {
                let mut findings = Findings::new(&policy, rule, options).of_host(&part.remarks);
                (rule.check)(&policy, &mut findings);
                found.append(&mut findings.into_inner());
            }
        }
        text = policy.text;
    }
    for finding in &mut found {
        foreign.kind.translate(finding);
    }
    crate::sort(&mut found);
    // Two components may share what one line says.
    found.dedup();
    kind::drop_superseded(&mut found);
    Linted { findings: found, waived: Vec::new() }
}

/// The keys and values of a text in whatever format it is; `None` if it has none. For showing lines without secrets, and for fingerprints.
///
/// Also says whether that is all of the text; a script has more in it.
pub(crate) fn tree(text: &str) -> Option<(Node, bool)> {
    let root = match recognise(text) {
        Some(Kind::Spin | Kind::WasmtimeConfig) => toml::parse(text),
        Some(Kind::Extism) if !is_json(text) => toml::parse(text),
        Some(Kind::WasmtimeCommand) => return Some((wasmtime::command::tree(text), false)),
        Some(Kind::Extism) => json(text),
        Some(Kind::Wassette) | None => document::parse(text),
    };
    root.ok().map(|root| (root, true))
}

/// JSON is read by the reader of YAML, of which it is a part: duplicate keys, depth and size are held there. Only tabs mean no more than
/// blanks in JSON, which has them between values alone; with as many blanks for them every place stays what it is.
fn json(text: &str) -> Result<Node, Vec<Fault>> {
    document::parse(&text.replace('\t', " "))
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn of(text: &str) -> Foreign {
        read(recognise(text).unwrap(), "x", text).unwrap()
    }

    fn findings(text: &str) -> Vec<(String, u32)> {
        let findings = lint_all(&of(text), &Options::default()).findings;
        findings.into_iter().map(|finding| (finding.rule, finding.location.line)).collect()
    }

    #[test]
    fn a_guest_is_found_by_its_name_or_number() {
        let two = of("spin_manifest_version = 2\n[component.a]\n[component.b]\n");
        assert_eq!(two.part(Some("b")).unwrap().name, "b");
        assert_eq!(two.part(Some("1")).unwrap().name, "a");
        assert_eq!(two.part(None).unwrap_err().to_string(), "there are several guests: `a`, `b`");
        assert_eq!(two.part(Some("c")).unwrap_err().to_string(), "there is no guest `c`; there are `a`, `b`");
        assert!(two.part(Some("0")).is_err() && two.part(Some("3")).is_err());
        assert!(of("wasmtime run x.wasm\n").part(None).is_ok());
    }

    #[test]
    fn options_of_every_spelling_are_read() {
        let limits = "-W fuel=1,timeout=5s,max-memory-size=65536,max-table-elements=1,max-instances=1";
        for dir in ["--dir /", "--dir=/", "--dir '/'", "--dir=\"/\"", "--mapdir /data::/", "--dir /::/data"] {
            let found = findings(&format!("\nFOO=1 exec /usr/bin/wasmtime run {limits} {dir} x.wasm --dir /etc\n"));
            assert!(found.contains(&("grant-root".into(), 2)), "{dir}: {found:?}");
            assert!(!found.iter().any(|(rule, _)| rule == "grant-etc"), "{dir}: {found:?}");
        }
        for option in ["-Sinherit-network", "-S inherit-network=y", "--wasi=http,inherit-network", "-S=inherit-network"]
        {
            let found = findings(&format!("wasmtime serve {limits} {option} x.wasm\n"));
            assert_eq!(found, [("network-any".to_owned(), 1)], "{option}");
        }
        assert_eq!(findings(&format!("wasmtime {limits} -S inherit-network=n x.wasm\n")), []);
        assert!(recognise("wasmtime compile x.wasm\n").is_none());
        assert!(recognise("command -v wasmtime\n").is_none());
    }

    #[test]
    fn a_limit_that_nobody_sets_is_found_where_the_format_has_it() {
        let one = |text: &str, rule: &str| findings(text).iter().any(|(found, _)| found == rule);
        assert!(one("wasmtime run x.wasm\n", "fuel-and-deadline-missing"));
        assert!(!one("wasmtime run -W timeout=5s x.wasm\n", "fuel-and-deadline-missing"));
        assert!(!one("wasmtime run -W timeout=$T x.wasm\n", "deadline-unbounded"));
        assert!(!one("wasmtime run --config c.toml x.wasm\n", "memory-unbounded"));
        assert!(one("wasmtime run -W max-memory-size=65536 x.wasm\n", "table-elements-unbounded"));
        assert!(one("{\"wasm\": []}\n", "memory-unbounded") && !one("{\"wasm\": []}\n", "deadline-unbounded"));
        assert!(one("permissions:\n", "memory-unbounded"));
        assert!(!one("permissions: { resources: { limits: { memory: 64Mi } } }\n", "memory-unbounded"));
        assert!(!one("permissions: { resources: { memory: 64 } }\n", "memory-unbounded"));
        assert!(!one("spin_manifest_version = 2\n[component.a]\n", "memory-unbounded"));
    }

    #[test]
    fn no_spelling_of_a_secret_is_shown() {
        for text in [
            "wasmtime run --dir / --env TOKEN=hunter2 x.wasm\n",
            "wasmtime run --dir / --env 'TOKEN=hunter2' x.wasm\n",
            "wasmtime run --dir / --env=\"PLAIN=hunter2\" x.wasm\n",
            "wasmtime run --dir / --env PLAIN='hunter2' x.wasm\n",
            "wasmtime run --dir / x.wasm --password=hunter2\n",
            "wasmtime run --dir / x.wasm --url https://me:hunter2@x.example\n",
            "API_KEY=hunter2 wasmtime run --dir / x.wasm\n",
            "{\"wasm\": [{\"url\": \"https://x.example\", \"headers\": {\"Authorization\": \"hunter2\"}}], \"allowed_hosts\": [\"*\"]}\n",
            "spin_manifest_version = 2\n[component.a]\nenvironment = { A = \"hunter2\", TOKEN = \"hunter2\" }\n",
            "spin_manifest_version = 2\n[variables]\ntoken = { default = \"hunter2\" }\n",
        ] {
            let findings = crate::lint_text("x", text, &Options::default()).unwrap().findings;
            assert!(!findings.is_empty(), "{text}");
            for format in crate::Format::ALL {
                let out = crate::render(&findings, &[("x".to_owned(), text.to_owned())], *format, false);
                assert!(!out.contains("hunter2"), "{format}: {out}");
            }
        }
    }

    #[test]
    fn access_is_what_the_host_gives() {
        use gauntlet_policy::Access;
        let access = |text: &str| of(text).parts[0].policy.grants.filesystem[0].access.value;
        let wassette = |words: &str| {
            access(&format!("permissions:\n  storage:\n    allow: [{{ uri: \"fs://a\", access: [{words}] }}]\n"))
        };
        assert_eq!(wassette("read"), Access::ReadOnly);
        assert_eq!(wassette("read, write"), Access::ReadWrite);
        assert_eq!(access("wasmtime run --dir a::/a x.wasm\n"), Access::ReadWrite);
        assert_eq!(access("{\"wasm\": [], \"allowed_paths\": {\"ro:a\": \"/a\"}}"), Access::ReadOnly);
        assert_eq!(access("{\"wasm\": [], \"allowed_paths\": {\"a\": \"/a\"}}"), Access::ReadWrite);
        assert_eq!(access("spin_manifest_version = 2\n[component.a]\nfiles = [\"a/*\"]\n"), Access::ReadOnly);
    }

    #[test]
    fn a_misspelled_key_of_a_host_that_takes_any_is_found() {
        let found = findings("permissions:\n  netwrok: { allow: [] }\n  resources: { limits: { memory: 1Mi } }\n");
        assert_eq!(found, [("grant-not-enforceable".to_owned(), 2)]);
    }

    #[test]
    fn every_fault_of_a_reader_is_described() {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/foreign")];
        let mut seen = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let source = fs::read_to_string(&path).unwrap();
                for (at, before) in source.match_indices("fault(\"") {
                    let id = source[at + before.len()..].split('"').next().unwrap();
                    assert!(crate::structural_faults().any(|fault| fault.id == id), "`{id}` is not described");
                    seen += 1;
                }
            }
        }
        assert!(seen > 5);
    }
}
