//! What is known of releases of the engine: a data file, `data/engine.yaml`, read by the reader of policies.

use std::sync::LazyLock;

use gauntlet_policy::document::{self, Node, Value};

const DATA: &str = include_str!("../data/engine.yaml");

/// What the data file holds.
pub(crate) struct Known {
    /// The day of the copy, as `YYYY-MM-DD`.
    pub(crate) date: String,
    advisories: Vec<Advisory>,
    lines: Lines,
}

/// An advisory and the versions that it does not concern.
pub(crate) struct Advisory {
    /// Its id in the database.
    pub(crate) id: String,
    /// Its name elsewhere, most often a CVE.
    pub(crate) alias: String,
    /// What it is about.
    pub(crate) title: String,
    patched: Vec<Range>,
    unaffected: Vec<Range>,
}

/// How release lines come and go.
struct Lines {
    first: u64,
    /// Months since year 0 when the first came out.
    month: u64,
    fixes: u64,
    every: u64,
    long_fixes: u64,
}

/// A version without what stands behind its three numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(u64, u64, u64);

/// Comparisons that all have to hold.
struct Range(Vec<(&'static str, Version)>);

/// What is known. The file is ours and a test reads all of it; were it broken, nothing would be known, and the rules would say so.
pub(crate) static KNOWN: LazyLock<Known> = LazyLock::new(|| read(DATA).unwrap_or_else(Known::nothing));

impl Version {
    /// A version such as `48.0.8`; what stands behind a `-` or `+` is left out.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let plain = text.split(['-', '+']).next().unwrap_or(text);
        let mut numbers = plain.split('.').map(|part| part.parse::<u64>().ok());
        let version = Self(numbers.next()??, numbers.next()??, numbers.next()??);
        numbers.next().is_none().then_some(version)
    }

    /// The release line: the first of its numbers.
    pub(crate) const fn line(self) -> u64 {
        self.0
    }
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let part = |part: &str| {
            let part = part.trim();
            let operator = [">=", "<=", "<", ">", "="].into_iter().find(|operator| part.starts_with(operator))?;
            Some((operator, Version::parse(&part[operator.len()..])?))
        };
        text.split(',').map(part).collect::<Option<_>>().map(Self)
    }

    fn takes(&self, version: Version) -> bool {
        self.0.iter().all(|(operator, other)| match *operator {
            ">=" => version >= *other,
            "<=" => version <= *other,
            "<" => version < *other,
            ">" => version > *other,
            _ => version == *other,
        })
    }

    /// The least version that it takes.
    fn least(&self) -> Option<Version> {
        self.0.iter().find(|(operator, _)| *operator == ">=").map(|(_, version)| *version)
    }
}

impl Advisory {
    /// Whether it concerns a version.
    pub(crate) fn concerns(&self, version: Version) -> bool {
        !self.patched.iter().chain(&self.unaffected).any(|range| range.takes(version))
    }

    /// The least version without it above this one, in its own line if there is one.
    pub(crate) fn patched_after(&self, version: Version) -> Option<Version> {
        let above = || self.patched.iter().filter_map(Range::least).filter(|least| *least > version);
        above().filter(|least| least.line() == version.line()).min().or_else(|| above().min())
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl Known {
    /// The advisories that concern a version.
    pub(crate) fn open(&self, version: Version) -> impl Iterator<Item = &Advisory> {
        self.advisories.iter().filter(move |advisory| advisory.concerns(version))
    }

    /// The last month in which a release line gets fixes, as `YYYY-MM`.
    pub(crate) fn fixed_until(&self, line: u64) -> Option<String> {
        let lines = &self.lines;
        let after = line.checked_sub(lines.first)?;
        let fixes = if lines.every > 0 && line.is_multiple_of(lines.every) { lines.long_fixes } else { lines.fixes };
        let month = lines.month.checked_add(after)?.checked_add(fixes)?;
        Some(format!("{:04}-{:02}", month / 12, month % 12 + 1))
    }

    const fn nothing() -> Self {
        let lines = Lines { first: u64::MAX, month: 0, fixes: 0, every: 0, long_fixes: 0 };
        Self { date: String::new(), advisories: Vec::new(), lines }
    }
}

fn read(text: &str) -> Option<Known> {
    let root = document::parse(text).ok()?;
    let lines = root.get("lines")?;
    let number = |key: &str| scalar(lines, key)?.parse::<u64>().ok();
    let month = scalar(lines, "month")?;
    let (year, month) = month.split_once('-')?;
    let month = year.parse::<u64>().ok()?.checked_mul(12)?.checked_add(month.parse::<u64>().ok()?.checked_sub(1)?)?;
    let lines = Lines {
        first: number("first")?,
        month,
        fixes: number("fixes")?,
        every: number("every")?,
        long_fixes: number("long-fixes")?,
    };
    let Value::Sequence(advisories) = &root.get("advisories")?.value else { return None };
    let advisories = advisories.iter().map(advisory).collect::<Option<_>>()?;
    Some(Known { date: scalar(&root, "date")?.to_owned(), advisories, lines })
}

fn advisory(node: &Node) -> Option<Advisory> {
    let ranges = |key: &str| match &node.get(key)?.value {
        Value::Sequence(items) => items.iter().map(|item| Range::parse(text(item)?)).collect::<Option<Vec<_>>>(),
        Value::Scalar { .. } | Value::Mapping(_) => None,
    };
    Some(Advisory {
        id: scalar(node, "id")?.to_owned(),
        alias: scalar(node, "alias")?.to_owned(),
        title: scalar(node, "title")?.to_owned(),
        patched: ranges("patched")?,
        unaffected: ranges("unaffected")?,
    })
}

fn scalar<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    text(node.get(key)?)
}

fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar { text, .. } => Some(text),
        Value::Mapping(_) | Value::Sequence(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(version: &str) -> Vec<String> {
        KNOWN.open(Version::parse(version).unwrap()).map(|advisory| advisory.id.clone()).collect()
    }

    #[test]
    fn the_data_file_is_read() {
        let known = read(DATA).expect("the data file can be read");
        assert!(known.advisories.len() > 20);
        assert!(crate::waivers::day(&known.date).is_some());
        for advisory in &known.advisories {
            assert!(advisory.id.starts_with("RUSTSEC-20") && !advisory.title.is_empty(), "{}", advisory.id);
            assert!(!advisory.patched.is_empty(), "{}", advisory.id);
        }
        let mut ids: Vec<&str> = known.advisories.iter().map(|advisory| advisory.id.as_str()).collect();
        ids.dedup();
        assert_eq!(ids.len(), known.advisories.len());
    }

    #[test]
    fn a_version_is_affected_unless_a_range_takes_it() {
        assert_eq!(open("47.0.2"), ["RUSTSEC-2026-0222", "RUSTSEC-2026-0223"]);
        assert!(open("47.0.3").is_empty());
        assert!(open("36.0.0").len() > 10);
        assert!(!open("36.0.12").contains(&"RUSTSEC-2026-0223".to_owned()));
    }

    #[test]
    fn the_next_release_without_it_is_of_the_same_line_if_there_is_one() {
        let version = Version::parse("36.0.9").unwrap();
        let advisory = KNOWN.open(version).find(|advisory| advisory.id == "RUSTSEC-2026-0222").unwrap();
        assert_eq!(advisory.patched_after(version), Version::parse("36.0.13"));
        let version = Version::parse("45.0.0").unwrap();
        assert_eq!(advisory.patched_after(version), Version::parse("46.0.2"));
    }

    #[test]
    fn lines_end() {
        assert_eq!(KNOWN.fixed_until(24).as_deref(), Some("2026-08"));
        assert_eq!(KNOWN.fixed_until(48).as_deref(), Some("2028-08"));
        assert_eq!(KNOWN.fixed_until(47).as_deref(), Some("2026-09"));
        assert_eq!(KNOWN.fixed_until(3), None);
        assert_eq!(KNOWN.fixed_until(u64::MAX), None);
    }

    #[test]
    fn what_is_no_version_is_none() {
        assert_eq!(Version::parse("48.0.8-rc1").map(|version| version.to_string()).as_deref(), Some("48.0.8"));
        for text in ["", "48", "48.0", "48.0.8.1", "x.y.z", "99999999999999999999.0.0"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }
}
