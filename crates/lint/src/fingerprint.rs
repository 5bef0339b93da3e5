//! What tells one finding from another when lines move: its rule, its file, and the value it is about, by the keys that lead there.
//!
//! An item of a list is known by its first scalar and not by its number, so that an entry put before it changes nothing. What is no
//! document of keys and values, for example a command line, is known by the text that is marked.

use std::collections::{BTreeMap, BTreeSet};

use gauntlet_policy::Span;
use gauntlet_policy::document::{Node, Value};
use gauntlet_record::{Finding, digest};

use crate::formats::excerpt;
use crate::{foreign, secrets};

/// Most characters of a key or value that tell it from others: it is looked at for each finding below it.
const MOST_NAME: usize = 1_000;
/// How many hex digits of a digest a fingerprint keeps.
const DIGITS: usize = 32;

/// A fingerprint for each finding, in their order. `sources` are the names and texts of the files they are in.
///
/// The number of a line is no part of it, nor is the text of the message, which may change with a release. Findings of one rule about the
/// same value are told apart by a count behind the colon.
///
/// ```
/// use gauntlet_lint::{Options, fingerprints, lint};
/// use gauntlet_policy::Policy;
///
/// let prints = |text: &str| {
///     let policy = Policy::parse("p.yaml", text).expect("a sound policy");
///     fingerprints(&lint(&policy, &Options::default()), &[("p.yaml".to_owned(), text.to_owned())])
/// };
/// let text = "version: 1\nlimits:\n  memory: unlimited\n";
/// assert_eq!(prints(text), prints(&text.replace("limits:", "# A line more.\nlimits:")));
/// ```
#[must_use]
pub fn fingerprints(findings: &[Finding], sources: &[(String, String)]) -> Vec<String> {
    let prepared = excerpt::prepare(sources);
    let mut wanted: BTreeMap<&str, BTreeSet<(u32, u32)>> = BTreeMap::new();
    for Finding { location, .. } in findings {
        wanted.entry(&location.file).or_default().insert((location.line, location.column));
    }
    let places: BTreeMap<String, Places> = sources
        .iter()
        .map(|(name, text)| (crate::escape::file(name), text))
        .filter_map(|(file, text)| {
            let places = Places::of(text, wanted.get(file.as_str())?);
            Some((file, places))
        })
        .collect();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    findings
        .iter()
        .map(|finding| {
            let file = finding.location.file.as_str();
            let known =
                places.get(file).and_then(|places| places.identity(finding.location.line, finding.location.column));
            let identity = known.map_or_else(
                || prepared.get(file).map(|source| source.marked(&finding.location)).unwrap_or_default(),
                str::to_owned,
            );
            let print = digest(format!("{}\n{file}\n{identity}", finding.rule).as_bytes());
            let print = print[..DIGITS].to_owned();
            let count = seen.entry(print.clone()).or_default();
            *count += 1;
            format!("{print}:{count}")
        })
        .collect()
}

/// The identity of the keys and values of a document that are asked for, by where they begin.
#[derive(Default)]
struct Places {
    by_start: BTreeMap<(u32, u32), String>,
}

/// A step on the way to a value.
struct Step<'a> {
    kind: &'static str,
    name: &'a str,
}

impl Places {
    /// The identities of what begins at the places in `wanted`.
    fn of(text: &str, wanted: &BTreeSet<(u32, u32)>) -> Self {
        let mut places = Self::default();
        if let Some((root, _)) = foreign::tree(text) {
            places.walk(&root, &mut Vec::new(), wanted);
        }
        places
    }

    fn identity(&self, line: u32, column: u32) -> Option<&str> {
        self.by_start.get(&(line, column)).map(String::as_str)
    }

    fn walk<'a>(&mut self, node: &'a Node, path: &mut Vec<Step<'a>>, wanted: &BTreeSet<(u32, u32)>) {
        let own = match &node.value {
            Value::Scalar { text, .. } => Step { kind: "=", name: text },
            Value::Sequence(_) => Step { kind: "[]", name: "" },
            Value::Mapping(_) => Step { kind: "{}", name: "" },
        };
        self.put(node.span, path, own, wanted);
        match &node.value {
            Value::Scalar { .. } => {}
            Value::Sequence(items) => {
                for item in items {
                    path.push(Step { kind: "-", name: first_scalar(item) });
                    self.walk(item, path, wanted);
                    path.pop();
                }
            }
            Value::Mapping(entries) => {
                for entry in entries {
                    let step = || Step { kind: ".", name: &entry.key.value };
                    self.put(entry.key.span, path, step(), wanted);
                    path.push(step());
                    self.walk(&entry.value, path, wanted);
                    path.pop();
                }
            }
        }
    }

    fn put(&mut self, at: Span, path: &[Step<'_>], last: Step<'_>, wanted: &BTreeSet<(u32, u32)>) {
        if wanted.contains(&(at.line, at.column)) {
            let identity = path.iter().chain([&last]).fold(String::new(), |above, step| {
                // Keys are names; a value may be a secret.
                let near = step.name.char_indices().nth(MOST_NAME).map_or(step.name, |(at, _)| &step.name[..at]);
                let name = if step.kind == "." { near.to_owned() } else { secrets::hide(near) };
                digest(format!("{above}{}{name}", step.kind).as_bytes())
            });
            self.by_start.insert((at.line, at.column), identity);
        }
    }
}

/// What an item of a list is known by.
fn first_scalar(node: &Node) -> &str {
    let mut node = node;
    loop {
        node = match &node.value {
            Value::Scalar { text, .. } => return text,
            Value::Sequence(items) => match items.first() {
                Some(item) => item,
                None => return "",
            },
            Value::Mapping(entries) => match entries.first() {
                Some(entry) => &entry.value,
                None => return "",
            },
        };
    }
}

#[cfg(test)]
mod tests {
    use gauntlet_policy::Policy;

    use super::*;
    use crate::{Options, lint};

    /// Rule and fingerprint of every finding.
    fn prints(text: &str) -> Vec<(String, String)> {
        let policy = Policy::parse("p.yaml", text).unwrap();
        let findings = lint(&policy, &Options::default());
        let prints = fingerprints(&findings, &[("p.yaml".to_owned(), text.to_owned())]);
        let mut both: Vec<_> = findings.into_iter().map(|finding| finding.rule).zip(prints).collect();
        both.sort();
        both
    }

    const TEXT: &str = "version: 1
limits:
  memory: unlimited
grants:
  filesystem:
    - { host: /, guest: /a, access: read-only }
    - { host: /etc, guest: /b, access: read-write }
";

    #[test]
    fn moved_lines_and_other_entries_change_no_fingerprint() {
        let before = prints(TEXT);
        assert!(before.len() > 3);
        assert_eq!(before, prints(&TEXT.replace("grants:", "# moved\n\ngrants:")));
        let more =
            TEXT.replace("  filesystem:\n", "  filesystem:\n    - { host: /srv/x, guest: /x, access: scratch }\n");
        let more = more.replace("host: /srv/x, ", "");
        let after = prints(&more);
        for print in &before {
            assert!(after.contains(print), "{print:?}");
        }
    }

    #[test]
    fn another_value_is_another_finding() {
        let before = prints(TEXT);
        let after = prints(&TEXT.replace("host: /,", "host: //,"));
        let root = |prints: &[(String, String)]| prints.iter().find(|(rule, _)| rule == "grant-root").cloned().unwrap();
        assert_ne!(root(&before), root(&after));
        assert_eq!(before.len(), after.len());
    }

    #[test]
    fn fingerprints_of_one_file_differ() {
        let text = "version: 1\ngrants:\n  network: [{ connect: '*' }, { connect: '*' }]\n";
        let mut all: Vec<String> = prints(text).into_iter().map(|(_, print)| print).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn a_text_that_is_no_document_is_known_by_what_is_marked() {
        let prints = |text: &str| {
            let faults = Policy::parse("p.yaml", text).unwrap_err();
            let findings = crate::faults_as_findings("p.yaml", text, &faults);
            fingerprints(&findings, &[("p.yaml".to_owned(), text.to_owned())])
        };
        let before = prints("version: 1\na: ]\n");
        assert_eq!(before, prints("# moved\nversion: 1\na: ]\n"));
        assert_ne!(before, prints("version: 1\na: }\n"));
    }
}
