//! The summary of a job: Markdown for the file that `$GITHUB_STEP_SUMMARY` names.
//!
//! GitHub takes 1 MiB of a step and drops a larger summary as a whole, so that ours stays below, with room for what a workflow adds.
//! Source: GitHub's documentation of workflow commands, "Adding a job summary".

use std::io;

use gauntlet_record::Record;

use super::markdown;
use crate::{Options, WriteError};

/// Most bytes.
pub(crate) const MOST: usize = 900 << 10;

pub(crate) fn write(record: &Record, options: &Options, out: &mut dyn io::Write) -> Result<(), WriteError> {
    let page = markdown::page(record, &Options { verbose: false, ..*options });
    out.write_all(markdown::fitted(page, MOST).as_bytes())?;
    Ok(())
}
