//! The effective policy: every value that holds, and where it comes from.

use std::fmt::{self, Write as _};

use crate::document::{self, Node, Span, Value};
use crate::keys::{self, Key, Takes};
use crate::merge::{Merged, merge};
use crate::model::Policy;
use crate::render::{quoted, scalar};

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file, the policy itself or one that it extends.
    File(String),
    /// A preset.
    Preset(String),
    /// Nobody named it: the strict default.
    Default,
}

/// Everything that holds under a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// One a line, in the order of the format.
    pub lines: Vec<EffectiveLine>,
}

/// A line of the effective policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveLine {
    /// The dotted key of the value, as `limits.memory`; items of a list have the key of the list.
    pub key: String,
    /// The value as YAML; empty for the key of a block.
    pub value: String,
    /// Where it comes from; `None` for the key of a block whose lines say it themselves.
    pub source: Option<Source>,
    /// Where it stands in its source; empty for a default.
    pub span: Span,
    /// How deep it stands.
    depth: usize,
    /// What stands before the value: `memory:`, or `-`.
    lead: String,
    /// Whether it only tells that nothing holds.
    remark: bool,
}

impl Policy {
    /// Every value that holds, where it comes from, and where it stands there. The values are spelled as their source spells them.
    ///
    /// It shows what was read, so changes that were made to the policy since are not in it. A policy that was read from no text is shown
    /// as the one that [`Policy::to_yaml`] writes.
    #[must_use]
    pub fn effective(&self) -> Effective {
        let text = if self.text.is_empty() { self.to_yaml() } else { self.text.clone() };
        let mut sources = vec![Source::File(self.name.clone())];
        let mut trees = vec![text];
        for base in &self.bases {
            let name = base.name.clone();
            sources.push(if base.preset { Source::Preset(name) } else { Source::File(name) });
            trees.push(base.text.clone());
        }
        // They were sound when they were read; a text that somebody put into a field since may not be.
        let trees: Vec<Node> = trees.iter().filter_map(|text| document::parse(text).ok()).collect();
        let layers: Vec<&Node> = trees.iter().collect();
        let merged = (!layers.is_empty()).then(|| merge(&layers));
        let mut writer = Writer { sources, lines: Vec::new() };
        writer.keys(keys::POLICY, merged.as_ref(), "", 0);
        Effective { lines: writer.lines }
    }
}

impl Effective {
    /// The effective policy as YAML: a policy that reads back to the same values, with a comment behind each on where it comes from.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let shown: Vec<(String, &EffectiveLine)> = self.lines.iter().map(|line| (line.text(), line)).collect();
        let width = shown.iter().map(|(text, _)| text.chars().count()).filter(|width| *width <= 48).max().unwrap_or(0);
        let mut out = String::new();
        for (text, line) in shown {
            let _ = match &line.source {
                None => writeln!(out, "{text}"),
                Some(source) => writeln!(out, "{text:width$}  # {}", Origin(source, line.span)),
            };
        }
        out
    }
}

impl EffectiveLine {
    fn text(&self) -> String {
        let mut text = " ".repeat(2 * self.depth);
        if self.remark {
            text.push_str("# ");
        }
        text.push_str(&self.lead);
        if !self.value.is_empty() {
            text.push(' ');
            text.push_str(&self.value);
        }
        text
    }
}

struct Origin<'a>(&'a Source, Span);

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Source::File(name) => write!(f, "{}:{}", scalar(name, true), self.1.line),
            Source::Preset(name) => write!(f, "preset {name}:{}", self.1.line),
            Source::Default => f.write_str("default"),
        }
    }
}

struct Writer {
    sources: Vec<Source>,
    lines: Vec<EffectiveLine>,
}

impl Writer {
    /// Writes the keys of a mapping, whether somebody named them or not; whether anything but remarks was written.
    fn keys(&mut self, keys: &[Key], tree: Option<&Merged<'_>>, path: &str, depth: usize) -> bool {
        let mut written = false;
        for key in keys.iter().filter(|key| key.name != "extends") {
            let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
            let value = tree.and_then(|tree| tree.get(key.name));
            let lead = format!("{}:", key.name);
            written |= match (key.takes, value) {
                (Takes::Mapping(inner), value) => {
                    let at = self.lines.len();
                    self.block(&path, lead, depth);
                    if !self.keys(inner, value, &path, depth + 1) {
                        self.lines.truncate(at);
                        let origin = value.map(Merged::origin);
                        self.value(&path, format!("{}:", key.name), "{}".into(), origin, depth);
                    }
                    true
                }
                (Takes::WordsOr(_, inner), Some(value @ Merged::Mapping { .. })) => {
                    self.block(&path, lead, depth);
                    self.keys(inner, Some(value), &path, depth + 1)
                }
                (_, Some(value)) => {
                    self.named(&path, lead, value, depth);
                    true
                }
                (_, None) => self.default(key, &path, lead, depth),
            };
        }
        written
    }

    /// What holds for a key that nobody named.
    fn default(&mut self, key: &Key, path: &str, lead: String, depth: usize) -> bool {
        match key.default_text() {
            Some(text) => {
                self.value(path, lead, text, None, depth);
                true
            }
            // Nothing stands for it, but a limit that is not held has to be seen.
            None if matches!(key.takes, Takes::Limit(_)) => {
                self.value(path, lead, "not counted".into(), None, depth);
                if let Some(line) = self.lines.last_mut() {
                    line.remark = true;
                }
                false
            }
            None if key.needed => {
                self.value(path, lead, "1".into(), None, depth);
                true
            }
            None => false,
        }
    }

    fn named(&mut self, path: &str, lead: String, value: &Merged<'_>, depth: usize) {
        match value {
            Merged::Mapping { entries, .. } if !entries.is_empty() => {
                self.block(path, lead, depth);
                for (layer, key, value) in entries {
                    let path = format!("{path}.{}", key.value);
                    let (value, origin) = (flow(value.origin().1), Some((*layer, value.origin().1)));
                    self.value(&path, format!("{}:", scalar(&key.value, true)), value, origin, depth + 1);
                }
            }
            Merged::Value { layer, node: Node { value: Value::Sequence(items), .. } } if !items.is_empty() => {
                self.block(path, lead, depth);
                for item in items {
                    self.value(path, "-".into(), flow(item), Some((*layer, item)), depth + 1);
                }
            }
            Merged::Mapping { .. } | Merged::Value { .. } => {
                let (layer, node) = value.origin();
                self.value(path, lead, flow(node), Some((layer, node)), depth);
            }
        }
    }

    fn block(&mut self, path: &str, lead: String, depth: usize) {
        let (key, value) = (path.to_owned(), String::new());
        self.lines.push(EffectiveLine { key, value, source: None, span: Span::default(), depth, lead, remark: false });
    }

    fn value(&mut self, path: &str, lead: String, value: String, origin: Option<(usize, &Node)>, depth: usize) {
        let (source, span) = origin.map_or((Source::Default, Span::default()), |(layer, node)| {
            (self.sources.get(layer).cloned().unwrap_or(Source::Default), node.span)
        });
        let key = path.to_owned();
        self.lines.push(EffectiveLine { key, value, source: Some(source), span, depth, lead, remark: false });
    }
}

/// A node on one line.
fn flow(node: &Node) -> String {
    match &node.value {
        Value::Scalar { text, plain } => scalar(text, *plain),
        Value::Sequence(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Mapping(entries) if entries.is_empty() => "{}".into(),
        Value::Mapping(entries) => {
            let pair = |entry: &document::Entry| {
                let key = if entry.key.value.is_empty() { quoted("") } else { scalar(&entry.key.value, true) };
                format!("{key}: {}", flow(&entry.value))
            };
            format!("{{ {} }}", entries.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let policy = Policy::parse("p.yaml", text).unwrap_or_else(|faults| panic!("{faults:?}"));
        policy.effective().to_yaml().lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn every_value_says_where_it_comes_from() {
        let text = "version: 1\nextends: agent\nlimits:\n  memory: 64MiB\ngrants:\n  environment: { B: 'yes' }\n  arguments: [\"a: b\", -v]\nmodules: { deny: [x] }\n";
        let lines = lines(text);
        let agent = gauntlet_policies::preset("agent").unwrap();
        let line = agent.lines().position(|line| line.contains("deadline: 30s")).unwrap() + 1;
        let expected = [
            "version: 1 # p.yaml:1".to_owned(),
            "memory: 64MiB # p.yaml:4".to_owned(),
            format!("deadline: 30s # preset agent:{line}"),
            "B: \"yes\" # p.yaml:6".to_owned(),
            "- \"a: b\" # p.yaml:7".to_owned(),
            "- -v # p.yaml:7".to_owned(),
            "- x # p.yaml:8".to_owned(),
            "per-tenant: {} # default".to_owned(),
        ];
        for expected in expected {
            assert!(lines.contains(&expected), "{expected}: {lines:#?}");
        }
        assert!(!lines.iter().any(|line| line.contains("extends")));
    }

    #[test]
    fn what_nobody_names_is_the_default_and_what_is_not_counted_is_said() {
        let lines = lines("version: 1\n");
        for expected in ["memory: 128MiB # default", "# call-depth: not counted # default", "audit: {} # default"] {
            assert!(lines.contains(&expected.to_owned()), "{expected}: {lines:#?}");
        }
    }

    #[test]
    fn the_effective_policy_is_a_policy_with_the_same_values() {
        let values = |policy: &Policy| {
            let values = policy.values(1 << 30).into_iter().map(|value| (value.key, value.value)).collect::<Vec<_>>();
            (values, policy.waivers.iter().map(|waiver| waiver.rule.value.clone()).collect::<Vec<_>>())
        };
        let own = "version: 1\nextends: quota\ngrants:\n  filesystem:\n    - { host: \"a, b\", guest: '# c', access: read-write, reason: \"x: \\u263a\" }\n  random: { seed: 4 }\n  clock: { resolution: 9ms }\n  environment: { \"a b\": \"#\", ok: '' }\nmodules: { deny-list: d.txt }\nwaivers: [ { rule: r, reason: because } ]\nper-tenant: { runs: 3 }\n";
        let bare = "version: 1\n";
        for text in gauntlet_policies::PRESETS
            .iter()
            .chain(gauntlet_policies::EXAMPLES)
            .map(|(_, text)| *text)
            .chain([own, bare])
        {
            let policy = Policy::parse("p.yaml", text).unwrap();
            let shown = policy.effective().to_yaml();
            let again = Policy::parse("q.yaml", &shown).unwrap_or_else(|faults| panic!("{faults:?}\n{shown}"));
            assert_eq!(values(&again), values(&policy), "{shown}");
            assert!(again.to_yaml().lines().count() >= policy.to_yaml().lines().count());
        }
    }
}
