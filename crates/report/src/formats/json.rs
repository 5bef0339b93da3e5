//! The record itself, as JSON.

use std::io;

use gauntlet_record::{Record, write_json, write_lines};
use serde::Serialize;

use crate::{Options, WriteError};

pub(crate) fn write(record: &Record, _: &Options, out: &mut dyn io::Write) -> Result<(), WriteError> {
    Ok(write_json(record, out)?)
}

/// Any value as JSON over lines, safe to print.
pub(crate) fn pretty(value: &impl Serialize, out: &mut dyn io::Write) -> Result<(), WriteError> {
    Ok(write_lines(value, usize::MAX, out)?)
}
