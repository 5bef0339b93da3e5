//! Which rules have a fix, and what it is.

use gauntlet_policy::{Limits, parse_quantity, readable};
use gauntlet_record::{Finding, LimitKey, Unit};

use super::{Edit, shown};

/// A finding with the bytes that it is about.
pub(super) struct Flagged<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) finding: &'a Finding,
}

/// An edit and what it does.
pub(super) struct Mend {
    pub(super) title: String,
    pub(super) safe: bool,
    pub(super) edit: Edit,
}

impl Flagged<'_> {
    /// What is marked, without quotes.
    fn marked(&self) -> &str {
        self.text.get(self.start..self.end).unwrap_or_default().trim().trim_matches(['"', '\''])
    }

    fn replaced(&self, with: &str, safe: bool) -> Mend {
        let title = format!("write `{with}` for `{}`", shown(self.marked()));
        Mend { title, safe, edit: Edit { start: self.start, end: self.end, text: with.to_owned() } }
    }
}

type Mender = fn(&Flagged<'_>) -> Option<Mend>;

/// The rules that have a fix.
pub(super) const MENDS: &[(&str, Mender)] = &[
    ("boolean-not-canonical", boolean),
    ("limit-decimal-unit", decimal_unit),
    ("version-missing", version),
    ("not-a-digest", digest),
    ("invisible-characters", invisible),
    ("unknown-key", nearest),
    ("unknown-value", nearest),
    ("extends-unknown", nearest),
    ("error-detail-full", |it| word(it, "full", "generic")),
    ("module-precompiled", |it| word(it, "accept", "refuse")),
    ("module-compressed", |it| word(it, "accept", "refuse")),
    ("import-unknown-stubbed", |it| word(it, "stub-unknown", "wasi-granted")),
    ("stdin-inherit", |it| word(it, "inherit", "closed")),
    ("isolation-off", |it| word(it, "off", "required")),
    ("isolation-caller-user", |it| word(it, "caller", "unprivileged")),
    ("feature-threads", |it| word(it, "true", "false")),
    ("feature-gc", |it| word(it, "true", "false")),
    ("feature-memory64", |it| word(it, "true", "false")),
    ("feature-unstable", |it| word(it, "true", "false")),
    ("feature-simd-relaxed", |it| word(it, "true", "false")),
    ("memory-unbounded", unlimited),
    ("deadline-unbounded", unlimited),
    ("cpu-time-unbounded", unlimited),
    ("fuel-unbounded", unlimited),
    ("table-elements-unbounded", unlimited),
    ("instances-unbounded", unlimited),
    ("handles-unbounded", unlimited),
    ("stack-unbounded", unlimited),
    ("output-unbounded", unlimited),
    ("host-work-unbounded", unlimited),
    ("module-size-unbounded", unlimited),
    ("compile-time-unbounded", unlimited),
    ("compile-memory-unbounded", unlimited),
    ("open-files-unbounded", unlimited),
    ("disk-unbounded", unlimited),
    ("files-unbounded", unlimited),
];

/// Spellings that readers of YAML 1.1 take for a boolean all mean the same to their writers.
fn boolean(it: &Flagged<'_>) -> Option<Mend> {
    let canonical = match it.marked().to_lowercase().as_str() {
        "yes" | "y" | "on" | "true" => "true",
        "no" | "n" | "off" | "false" => "false",
        _ => return None,
    };
    Some(it.replaced(canonical, true))
}

/// The same number of bytes in other units.
fn decimal_unit(it: &Flagged<'_>) -> Option<Mend> {
    let number = parse_quantity(it.marked(), Unit::Bytes).ok()?;
    Some(it.replaced(&readable(number, Unit::Bytes), true))
}

/// There is one version.
fn version(it: &Flagged<'_>) -> Option<Mend> {
    let begins = it.start == 0 || it.text[..it.start].ends_with('\n');
    let edit = Edit { start: it.start, end: it.start, text: "version: 1\n".to_owned() };
    begins.then(|| Mend { title: "add `version: 1`".to_owned(), safe: true, edit })
}

/// Tools that print digests in capitals print the same digest.
fn digest(it: &Flagged<'_>) -> Option<Mend> {
    let marked = it.marked();
    let hex = marked.len() == 64 && marked.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex.then(|| it.replaced(&marked.to_lowercase(), true))
}

/// A byte order mark at the very beginning says nothing; whether another character was meant, a person has to say.
fn invisible(it: &Flagged<'_>) -> Option<Mend> {
    let c = it.text.get(it.start..)?.chars().next()?;
    let edit = Edit { start: it.start, end: it.start + c.len_utf8(), text: String::new() };
    let title = format!("remove U+{:04X}", u32::from(c));
    Some(Mend { title, safe: c == '\u{feff}' && it.start == 0, edit })
}

/// What the message itself proposes.
fn nearest(it: &Flagged<'_>) -> Option<Mend> {
    let near = it.finding.fix.strip_prefix("Did you mean `")?.strip_suffix("`?")?;
    Some(it.replaced(near, false))
}

fn word(it: &Flagged<'_>, from: &str, to: &str) -> Option<Mend> {
    // What is inherited is marked at `extends`, where the word does not stand.
    (it.marked() == from).then(|| it.replaced(to, false))
}

/// The strict default of the limit that is written as `unlimited`.
fn unlimited(it: &Flagged<'_>) -> Option<Mend> {
    if it.marked() != "unlimited" {
        return None;
    }
    let before = it.text[..it.start].trim_end().strip_suffix(':')?.trim_end().trim_end_matches(['"', '\'']);
    let begin = before.rfind(|c: char| !c.is_ascii_lowercase() && c != '-').map_or(0, |at| at + 1);
    let key: LimitKey = before.get(begin..)?.parse().ok()?;
    Some(it.replaced(&readable(Limits::strict(key)?, key.unit()), false))
}
