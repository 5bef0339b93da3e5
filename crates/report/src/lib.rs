//! Writes a record as human text, JSON, JUnit, SARIF, HTML, Markdown or GitHub annotations.
//!
//! This crate is the end of the line: it sees a [`Record`] and nothing else, so that a saved run renders again, in any format, on
//! any machine. A record may come from disk and a guest chose some of its words, so that no string of it is trusted: every format
//! has one function that every such string passes through.
//!
//! ```
//! use gauntlet_report::{Format, Options};
//!
//! let mut out = Vec::new();
//! gauntlet_report::write(&gauntlet_record::example(), Format::Human, &Options::default(), &mut out)?;
//! assert!(String::from_utf8(out).unwrap().contains("FAIL        grants.filesystem"));
//! # Ok::<(), gauntlet_report::WriteError>(())
//! ```

mod evidence;
mod formats;
pub mod page;
mod payload;
mod summary;
mod text;

use std::io;

use gauntlet_record::Record;

pub use formats::{Format, UnknownFormat};
pub use payload::{largest, payloads};

/// How a format is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Colours, for a terminal. Human text only.
    pub color: bool,
    /// Columns of the terminal; at least 60 are used. Human text only.
    pub width: usize,
    /// Everything that is known of every trial, in the formats that otherwise show it of breaches only.
    pub verbose: bool,
}

impl Default for Options {
    /// No colours, 100 columns, brief.
    fn default() -> Self {
        Self { color: false, width: 100, verbose: false }
    }
}

/// A record could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The output does not take it.
    #[error("cannot write the report")]
    Io(#[from] io::Error),
    /// The record is not expressible as JSON.
    #[error("cannot write the report as JSON")]
    Json(#[from] serde_json::Error),
    /// The record is not expressible as JUnit XML.
    #[error("cannot write the report as JUnit XML")]
    Junit(#[from] quick_junit::SerializeError),
}

/// Writes a record in a format.
///
/// # Errors
///
/// If the output does not take it.
pub fn write(record: &Record, format: Format, options: &Options, out: &mut dyn io::Write) -> Result<(), WriteError> {
    format.writer()(record, options, out)
}
