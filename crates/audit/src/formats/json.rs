//! The audit itself. Every other format is a function of it.

use std::io;

use super::WriteError;
use crate::model::Audit;

pub(super) fn write(audit: &Audit, out: &mut dyn io::Write) -> Result<(), WriteError> {
    serde_json::to_writer_pretty(&mut *out, audit)?;
    out.write_all(b"\n")?;
    Ok(())
}
