//! The differences between two sound engines that are legal, as data: `data/legal-differences.yaml`.

use std::sync::LazyLock;

use gauntlet_policy::{Reader, document};

/// A pair of endings that two sound engines may come to with the same module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Our ending, `limit-<key>`, or `any`.
    pub ours: String,
    /// The other engine's.
    pub theirs: String,
    /// Words of what the other engine says; empty for whatever it says.
    pub detail: String,
    /// Why it is legal.
    pub why: String,
}

impl Difference {
    /// Whether it allows this pair of endings.
    #[must_use]
    pub fn allows(&self, ours: &str, theirs: &str, detail: &str) -> bool {
        let fits = |listed: &str, seen: &str| listed == "any" || listed == seen;
        fits(&self.ours, ours) && fits(&self.theirs, theirs) && detail.contains(self.detail.as_str())
    }
}

/// The list. A file with a fault has no entries, so that everything is a finding; a test reads it.
pub fn differences() -> &'static [Difference] {
    static LIST: LazyLock<Vec<Difference>> =
        LazyLock::new(|| read(include_str!("../../data/legal-differences.yaml")).unwrap_or_default());
    &LIST
}

/// Reads a list of `{ ours, theirs, why }`, with a `detail` or without. An entry that lacks one of them, or any other fault, makes the whole list unusable.
fn read(text: &str) -> Option<Vec<Difference>> {
    let mut reader = Reader::default();
    let node = document::parse(text).ok()?;
    let mut list = Vec::new();
    for item in reader.items("legal differences", &node) {
        let (mut ours, mut theirs, mut detail, mut why) = (None, None, None, None);
        for entry in reader.entries("a legal difference", item, &["ours", "theirs", "detail", "why"]) {
            let value = reader.text(&entry.key.value, &entry.value).map(|text| text.value);
            match entry.key.value.as_str() {
                "ours" => ours = value,
                "theirs" => theirs = value,
                "detail" => detail = value,
                _ => why = value,
            }
        }
        list.push(Difference { ours: ours?, theirs: theirs?, detail: detail.unwrap_or_default(), why: why? });
    }
    reader.faults.is_empty().then_some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_and_allows_nothing_for_everything() {
        assert!(differences().len() >= 5);
        assert!(differences().iter().all(|it| !it.why.is_empty()));
        assert!(!differences().iter().any(|it| it.ours == "any" && it.theirs == "any"));
        assert!(!differences().iter().any(|it| it.allows("returned", "trapped", "unreachable")));
        assert_eq!(read("- { ours: any }"), None);
        assert_eq!(read("- { ours: a, theirs: b, why: c, more: d }"), None);
    }
}
