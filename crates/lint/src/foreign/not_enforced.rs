//! What hosts are known not to hold, from `data/not-enforced.yaml`.

use std::sync::LazyLock;

use gauntlet_policy::document::{self, Node, Value};
use gauntlet_policy::{Reader, Span};
use gauntlet_record::Severity;

/// The list, compiled in.
const TEXT: &str = include_str!("../../data/not-enforced.yaml");

/// A field of a policy that a host is known not to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotEnforced {
    /// The host, as [`super::Kind::host`] names it.
    pub host: String,
    /// The path to the key; what stands behind a blank narrows it down to some values.
    pub field: String,
    /// What was read of the host.
    pub release: String,
    /// What happens instead.
    pub effect: String,
    /// Where that can be read.
    pub source: String,
    /// When it was read, as `YYYY-MM-DD`.
    pub read: String,
    /// How bad it is.
    pub severity: Severity,
}

static LIST: LazyLock<Vec<NotEnforced>> = LazyLock::new(|| {
    let root = document::parse(TEXT).expect("a test parses the list");
    let (list, faults) = read(&root);
    debug_assert!(faults.faults.is_empty(), "{:?}", faults.faults);
    list
});

/// What hosts are known not to hold, with release, source and date.
pub fn not_enforced() -> impl Iterator<Item = &'static NotEnforced> {
    LIST.iter()
}

/// The entry for a field that a reader finds by more than its path.
pub(super) fn entry(host: &str, field: &str) -> &'static NotEnforced {
    not_enforced().find(|entry| entry.host == host && entry.field == field).expect("readers name entries of the list")
}

/// The entries of a host whose path is in a file, and where.
pub(super) fn listed(host: &str, root: &Node) -> Vec<(&'static NotEnforced, Span)> {
    let mut found = Vec::new();
    for entry in not_enforced().filter(|entry| entry.host == host && !entry.field.contains([' ', '?'])) {
        let path: Vec<&str> = entry.field.split('.').collect();
        walk(root, &path, &mut |span| found.push((entry, span)));
    }
    found
}

fn walk(node: &Node, path: &[&str], found: &mut dyn FnMut(Span)) {
    let Some((first, rest)) = path.split_first() else { return };
    let Value::Mapping(entries) = &node.value else { return };
    let (name, items) = first.strip_suffix("[]").map_or((*first, false), |name| (name, true));
    for entry in entries.iter().filter(|entry| entry.key.value == name) {
        match &entry.value.value {
            // A key without a value promises nothing.
            Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null") => {}
            _ if rest.is_empty() => found(entry.key.span),
            Value::Sequence(nodes) if items => nodes.iter().for_each(|node| walk(node, rest, found)),
            Value::Mapping(_) if !items => walk(&entry.value, rest, found),
            Value::Scalar { .. } | Value::Mapping(_) | Value::Sequence(_) => {}
        }
    }
}

fn read(root: &Node) -> (Vec<NotEnforced>, Reader) {
    const KEYS: &[&str] = &["host", "field", "release", "effect", "source", "read", "severity"];
    let severities = [("info", Severity::Info), ("low", Severity::Low), ("medium", Severity::Medium)];
    let mut reader = Reader::default();
    let mut list = Vec::new();
    for item in reader.items("not-enforced", root) {
        let mut severity = Severity::High;
        let mut texts: Vec<(&str, String)> = Vec::new();
        for entry in reader.entries("not-enforced", item, KEYS) {
            if entry.key.value == "severity" {
                severity = reader.word("severity", &entry.value, &severities).map_or(severity, |word| word.value);
            } else if let Some(text) = reader.text("not-enforced", &entry.value) {
                texts.push((entry.key.value.as_str(), text.value));
            }
        }
        let mut take = |key: &str| match texts.iter().find(|(name, _)| *name == key) {
            Some((_, text)) => text.clone(),
            None => {
                reader.fault("missing-key", format!("an entry without `{key}`"), "", item.span);
                String::new()
            }
        };
        list.push(NotEnforced {
            host: take("host"),
            field: take("field"),
            release: take("release"),
            effect: take("effect"),
            source: take("source"),
            read: take("read"),
            severity,
        });
    }
    (list, reader)
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    #[test]
    fn every_entry_is_whole_and_of_a_host_we_read() {
        let (list, reader) = read(&document::parse(TEXT).unwrap());
        assert_eq!(reader.faults, []);
        assert!(list.len() > 10);
        for (at, entry) in list.iter().enumerate() {
            assert!(Kind::ALL.iter().any(|kind| kind.host() == entry.host), "{}", entry.host);
            assert!(entry.source.starts_with("https://"), "{}", entry.source);
            assert!(crate::waivers::is_date(&entry.read), "{}", entry.read);
            assert!(!entry.effect.ends_with('.'), "{}", entry.effect);
            assert!(
                list[..at].iter().all(|other| (&other.host, &other.field) != (&entry.host, &entry.field)),
                "{} stands twice",
                entry.field
            );
        }
    }

    #[test]
    fn listed_fields_are_found_where_they_stand() {
        let text = "permissions:\n  network:\n    allow: [{ host: a }, { cidr: 10.0.0.0/8 }]\n    deny: []\n";
        let found = listed("wassette", &document::parse(text).unwrap());
        let fields: Vec<(&str, u32)> = found.iter().map(|(entry, span)| (entry.field.as_str(), span.line)).collect();
        assert_eq!(fields, [("permissions.network.deny", 4), ("permissions.network.allow[].cidr", 3)]);
    }
}
