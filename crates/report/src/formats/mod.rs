//! The table of formats. A new one is a file beside this, a `mod` line and an entry below.

mod csv;
mod ctrf;
mod cyclonedx;
mod github;
mod gitlab;
pub(crate) mod html;
mod human;
mod jobsummary;
mod json;
mod junit;
mod markdown;
mod oscal;
mod sarif;

use std::fmt;
use std::io;
use std::str::FromStr;

use gauntlet_record::Record;

use crate::{Options, WriteError};

/// What a format is: a function of a record.
type Writer = fn(&Record, &Options, &mut dyn io::Write) -> Result<(), WriteError>;

macro_rules! formats {
    ($($(#[$meta:meta])* $variant:ident = $module:ident, $file:literal;)*) => {
        /// A report format.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Format { $($(#[$meta])* $variant,)* }

        impl Format {
            /// Every format.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name, as `--format` takes it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => stringify!($module),)* }
            }

            /// The name of its file in an output folder.
            #[must_use]
            pub const fn file_name(self) -> &'static str {
                match self { $(Self::$variant => $file,)* }
            }

            pub(crate) fn writer(self) -> Writer {
                match self { $(Self::$variant => $module::write,)* }
            }
        }
    };
}

formats! {
    /// Text for a person at a terminal.
    Human = human, "report.txt";
    /// The record itself, as JSON.
    Json = json, "record.json";
    /// JUnit XML, as CI servers read it.
    Junit = junit, "junit.xml";
    /// SARIF 2.1.0, as code scanning reads it.
    Sarif = sarif, "report.sarif";
    /// One self-contained page.
    Html = html, "report.html";
    /// A summary for a pull request or a job.
    Markdown = markdown, "report.md";
    /// Workflow commands that GitHub turns into annotations.
    Github = github, "annotations.txt";
    /// The summary of a GitHub job.
    Jobsummary = jobsummary, "job-summary.md";
    /// GitLab's code quality report.
    Gitlab = gitlab, "gl-code-quality-report.json";
    /// One line a trial, for spreadsheets.
    Csv = csv, "trials.csv";
    /// CTRF, the common test report format.
    Ctrf = ctrf, "ctrf-report.json";
    /// OSCAL assessment results.
    Oscal = oscal, "oscal-assessment-results.json";
    /// CycloneDX declarations: claims with their evidence.
    Cyclonedx = cyclonedx, "cyclonedx-declarations.json";
}

/// Most bytes of everything in a report that is said once.
const ONCE: u64 = 4 << 20;
/// Most bytes that one trial, finding, mistake, mechanism or line of the policy takes: every string is cut, and so is every list. An
/// attack's runs take most of it, and only where a hostile record has filled every one of their lists with the longest of strings.
const EACH: u64 = 64 << 20;

impl Format {
    /// The most bytes that a record can make of this format, whatever its strings say. The record itself, as JSON, has no bound of its own:
    /// what is read is bounded.
    #[must_use]
    pub fn most_bytes(self, record: &Record, verbose: bool) -> u64 {
        let mutations = record.mutation.as_ref().map_or(0, |score| score.mutations.len());
        let items = record.trials.len()
            + record.findings.len()
            + record.policy.values.len()
            + record.host.mechanisms.len()
            + record.targets.len()
            + mutations;
        match self {
            Self::Markdown if !verbose => markdown::COMMENT as u64,
            Self::Jobsummary => jobsummary::MOST as u64,
            Self::Github => ONCE,
            Self::Json => u64::MAX,
            Self::Human
            | Self::Markdown
            | Self::Junit
            | Self::Sarif
            | Self::Html
            | Self::Gitlab
            | Self::Csv
            | Self::Ctrf
            | Self::Oscal
            | Self::Cyclonedx => ONCE + EACH * items as u64,
        }
    }
}

/// A word that is not a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a report format")]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_and_the_folder_name_the_same_formats() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/formats");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                // A format that takes several files is a folder.
                if entry.path().is_dir() { Some(name) } else { name.strip_suffix(".rs").map(str::to_owned) }
            })
            .filter(|name| name != "mod")
            .collect();
        files.sort();
        let mut names: Vec<&str> = Format::ALL.iter().map(|format| format.as_str()).collect();
        names.sort_unstable();
        assert_eq!(files, names);
    }

    #[test]
    fn every_format_is_found_by_its_name() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(*format));
        }
        assert!("pdf".parse::<Format>().is_err());
    }
}
