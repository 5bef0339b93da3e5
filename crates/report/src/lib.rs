//! Writes a record as text, JSON, JUnit, SARIF, HTML, Markdown, OSCAL and more; merges, compares, redacts, signs and verifies records.
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

pub mod bundle;
mod diff;
mod evidence;
mod formats;
mod history;
mod layers;
mod merge;
pub mod page;
mod payload;
mod redact;
mod summary;
mod text;
mod time;

use std::io;

use gauntlet_record::Record;

pub use diff::{Change, Diff, Times, diff};
pub use formats::{Format, UnknownFormat};
pub use history::{Entry, write_history};
pub use layers::{Depth, Layers, Without, layers};
pub use merge::{MergeError, merge};
pub use payload::{largest, payloads};
pub use redact::Redaction;

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

/// Writes a record as a page, with the matrix of layers that was found for it.
///
/// # Errors
///
/// If the output does not take it.
pub fn write_page(record: &Record, layers: &Layers, out: &mut dyn io::Write) -> Result<(), WriteError> {
    formats::html::with_layers(record, Some(layers), out)
}
