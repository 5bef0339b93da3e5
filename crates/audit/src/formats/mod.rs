//! The table of formats. A new one is a file beside this, a `mod` line and an entry below.

mod html;
mod human;
mod json;
mod markdown;

use std::fmt;
use std::io;
use std::str::FromStr;

use crate::model::Audit;

/// A format of an audit: a function of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Text for a person at a terminal.
    Human,
    /// The audit itself, as JSON.
    Json,
    /// For a pull request or a wiki.
    Markdown,
    /// One self-contained page.
    Html,
}

impl Format {
    /// Every format.
    pub const ALL: &'static [Self] = &[Self::Human, Self::Json, Self::Markdown, Self::Html];

    /// Its name, as `--format` takes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
            Self::Markdown => "markdown",
            Self::Html => "html",
        }
    }

    /// The name of its file in a bundle.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Human => "audit.txt",
            Self::Json => "audit.json",
            Self::Markdown => "audit.md",
            Self::Html => "audit.html",
        }
    }
}

/// A word that is not a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a format of an audit: human, json, markdown or html")]
pub struct UnknownFormat(
    /// The word that was given.
    pub String,
);

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.iter().copied().find(|format| format.as_str() == word).ok_or_else(|| UnknownFormat(word.to_owned()))
    }
}

/// An audit could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The output does not take it.
    #[error("cannot write the audit")]
    Io(#[from] io::Error),
    /// The audit is not expressible as JSON.
    #[error("cannot write the audit as JSON")]
    Json(#[from] serde_json::Error),
}

/// Writes an audit in a format.
///
/// # Errors
///
/// If the output does not take it.
pub fn write(audit: &Audit, format: Format, out: &mut dyn io::Write) -> Result<(), WriteError> {
    match format {
        Format::Human => human::write(audit, out),
        Format::Json => json::write(audit, out),
        Format::Markdown => markdown::write(audit, out),
        Format::Html => html::write(audit, out),
    }
}

/// What the exit code of an audit means.
const fn meaning(exit: u8) -> &'static str {
    match exit {
        gauntlet_record::exit::CLEAN => "every line is satisfied, attested or not applicable",
        gauntlet_record::exit::BREACH => "evidence speaks against a line or a claim, or an advisory is open",
        _ => "nothing speaks against it, and something is not decided",
    }
}

/// How many trials, rules and checks a list of evidence holds, in words.
fn counted(evidence: &[crate::model::Evidence]) -> String {
    use crate::model::EvidenceKind as Kind;
    let of = |kind: Kind| evidence.iter().filter(|item| item.kind == kind).count();
    let parts = [
        (of(Kind::Trial), "trial"),
        (of(Kind::Rule), "rule"),
        (of(Kind::Check), "check"),
        (of(Kind::Value), "value"),
        (of(Kind::Jail), "report of the jail"),
        (of(Kind::Measured), "measurement"),
    ];
    let told: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| match (*number, *noun) {
            (1, noun) => format!("1 {noun}"),
            (number, "report of the jail") => format!("{number} reports of the jail"),
            (number, noun) => format!("{number} {noun}s"),
        })
        .collect();
    told.join(", ")
}
