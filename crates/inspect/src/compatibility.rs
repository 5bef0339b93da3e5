//! What changes if one guest takes the place of another.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Inspection, Interface};

/// What a change does to whoever calls or grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It was not there before.
    Added,
    /// It is not there any more.
    Removed,
    /// It has another type.
    Changed,
}

impl Change {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// One difference between two versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Difference {
    /// Where: `import`, `export`, `grant`, `feature`, `limit`, and of a plugin `permission` and `entry-point`.
    pub what: String,
    /// Its name.
    pub name: String,
    /// What happened to it.
    pub change: Change,
    /// What it was; empty if it was not there.
    pub before: String,
    /// What it is; empty if it is gone.
    pub after: String,
    /// Whether a caller breaks, or something has to be granted that was not asked for before.
    pub breaking: bool,
}

/// What changes if one guest takes the place of another.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Compatibility {
    /// Every difference, imports first.
    pub differences: Vec<Difference>,
}

impl Compatibility {
    /// Whether something breaks.
    #[must_use]
    pub fn is_breaking(&self) -> bool {
        self.differences.iter().any(|difference| difference.breaking)
    }

    /// Compares two guests by what they import and export.
    #[must_use]
    pub fn of_interfaces(old: &Interface, new: &Interface) -> Self {
        let mut report = Self::default();
        // A new import has to be granted; a lost one is no loss. With exports it is the other way round.
        report.add("import", &old.imports, &new.imports, |change| change != Change::Removed);
        report.add("export", &old.exports, &new.exports, |change| change != Change::Added);
        report
    }

    /// Compares two guests by what they import and export, and by what a policy has to grant them: grants, proposals, and the least of
    /// limits that they start with.
    #[must_use]
    pub fn of(old: &Inspection, new: &Inspection) -> Self {
        let mut report = Self::of_interfaces(&old.interface, &new.interface);
        let grants = |inspection: &Inspection| {
            let granted = inspection.capabilities.keys();
            let each = granted.filter_map(|capability| Some((capability.as_str(), capability.grant()?)));
            each.map(|(word, grant)| (word.to_owned(), grant.to_owned())).collect()
        };
        report.add("grant", &grants(old), &grants(new), |change| change != Change::Removed);
        let features = |inspection: &Inspection| {
            inspection.features.iter().map(|name| (format!("features.{name}"), "true".to_owned())).collect()
        };
        report.add("feature", &features(old), &features(new), |change| change != Change::Removed);
        for (key, unit, before, after) in [
            ("memory", gauntlet_record::Unit::Bytes, old.minimum.memory, new.minimum.memory),
            ("table-elements", gauntlet_record::Unit::Count, old.minimum.table_elements, new.minimum.table_elements),
            ("instances", gauntlet_record::Unit::Count, old.minimum.instances, new.minimum.instances),
            ("module-size", gauntlet_record::Unit::Bytes, old.size, new.size),
        ] {
            if before != after {
                report.differences.push(Difference {
                    what: "limit".to_owned(),
                    name: format!("limits.{key}"),
                    change: Change::Changed,
                    before: format!("at least {}", unit.show(before)),
                    after: format!("at least {}", unit.show(after)),
                    // A policy may have room for it: the linter says so, with the policy beside the module.
                    breaking: false,
                });
            }
        }
        report
    }

    /// Adds what differs between two lists, by name.
    pub fn add(
        &mut self,
        what: &str,
        old: &BTreeMap<String, String>,
        new: &BTreeMap<String, String>,
        breaks: impl Fn(Change) -> bool,
    ) {
        let mut add = |name: &String, change: Change, before: &str, after: &str| {
            self.differences.push(Difference {
                what: what.to_owned(),
                name: name.clone(),
                change,
                before: before.to_owned(),
                after: after.to_owned(),
                breaking: breaks(change),
            });
        };
        for (name, before) in old {
            match new.get(name) {
                None => add(name, Change::Removed, before, ""),
                Some(after) if after != before => add(name, Change::Changed, before, after),
                Some(_) => {}
            }
        }
        for (name, after) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
            add(name, Change::Added, "", after);
        }
    }

    /// The report for people, a line for each difference.
    #[must_use]
    pub fn to_text(&self) -> String {
        if self.differences.is_empty() {
            return "nothing changed\n".to_owned();
        }
        let mut text = String::new();
        for difference in &self.differences {
            let Difference { what, name, change, before, after, breaking } = difference;
            let mark = if *breaking { "breaking" } else { "" };
            let line = match change {
                Change::Added => format!("{mark:<9} {what} {name} added: {after}"),
                Change::Removed => format!("{mark:<9} {what} {name} removed: {before}"),
                Change::Changed => format!("{mark:<9} {what} {name} changed: {before} -> {after}"),
            };
            text.push_str(line.trim_end());
            text.push('\n');
        }
        let breaking = self.differences.iter().filter(|difference| difference.breaking).count();
        text.push_str(&format!("\n{} difference(s), {breaking} of them breaking\n", self.differences.len()));
        text
    }

    /// The report as JSON, on many lines.
    ///
    /// # Panics
    ///
    /// Never: a report is plain data.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Document<'a> {
            schema: &'static str,
            breaking: bool,
            #[serde(flatten)]
            report: &'a Compatibility,
        }
        let document = Document { schema: "gauntlet.compatibility/1", breaking: self.is_breaking(), report: self };
        serde_json::to_string_pretty(&document).expect("a report is plain data") + "\n"
    }
}

impl fmt::Display for Compatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.differences.is_empty() {
            return f.write_str("nothing changed");
        }
        for (i, difference) in self.differences.iter().enumerate() {
            let word = difference.change.as_str();
            let mark = if difference.breaking { " (breaking)" } else { "" };
            write!(f, "{}{} `{}` {word}{mark}", if i > 0 { ", " } else { "" }, difference.what, difference.name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect;

    fn of(text: &str) -> Inspection {
        inspect(&wat::parse_str(text).unwrap()).unwrap()
    }

    #[test]
    fn a_reload_that_asks_for_more_is_breaking_and_says_what_has_to_be_granted() {
        let old = of(r#"(module (memory 1) (func (export "f") (param i32)))"#);
        let new = of(r#"(module
            (import "wasi_snapshot_preview1" "path_open" (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (memory 2) (func (export "f") (param i64)) (func (export "g") (param v128)))"#);
        let report = Compatibility::of(&old, &new);
        let lines: Vec<String> = report
            .differences
            .iter()
            .map(|difference| {
                let mark = if difference.breaking { "!" } else { "" };
                format!("{mark}{} {} {}", difference.what, difference.name, difference.change.as_str())
            })
            .collect();
        assert_eq!(
            lines,
            [
                "!import wasi_snapshot_preview1::path_open added",
                "!export f changed",
                "export g added",
                "!grant files added",
                "!feature features.simd added",
                "limit limits.memory changed",
                "limit limits.module-size changed",
            ]
        );
        assert!(report.is_breaking());
        assert!(report.to_text().contains("7 difference(s), 4 of them breaking"), "{}", report.to_text());
        assert!(report.to_json().contains("\"breaking\": true"));
    }

    #[test]
    fn the_same_guest_changes_nothing() {
        let one = of("(module (func (export \"f\")))");
        let report = Compatibility::of(&one, &one);
        assert_eq!((report.to_text().as_str(), report.is_breaking()), ("nothing changed\n", false));
    }
}
