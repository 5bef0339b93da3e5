//! `gauntlet report`: a saved record in any format.

use std::path::Path;

use anyhow::anyhow;
use gauntlet_report::Options;
use gauntlet_runner::write_atomically;

use crate::args::Report;
use crate::failure::Failure;
use crate::terminal;

pub(super) fn run(args: &Report) -> Result<u8, Failure> {
    let record = gauntlet_record::read(&args.record).map_err(|error| {
        Failure::usage(anyhow::Error::new(error).context(format!("cannot use the record `{}`", args.record.display())))
    })?;
    let color = args.output.is_none() && terminal::color_stdout();
    let options = Options { color, width: terminal::width(), verbose: args.verbose };
    let mut bytes = Vec::new();
    gauntlet_report::write(&record, args.format, &options, &mut bytes).map_err(Failure::harness)?;
    match &args.output {
        Some(path) => write_file(path, &bytes)?,
        None => super::print(&bytes)?,
    }
    Ok(record.exit_code())
}

/// Writes a file whole or not at all.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_atomically(path, bytes).map_err(|error| {
        Failure::usage(anyhow::Error::new(error).context(format!("cannot write `{}`", path.display())))
    })
}

/// Refuses a place for a file before there is anything to write, so that nobody learns of a mistyped path after a whole run.
pub(crate) fn check_place(path: &Path) -> Result<(), Failure> {
    let place = || format!("cannot write `{}`", path.display());
    if path.is_dir() {
        return Err(Failure::usage(anyhow!("it is a directory").context(place())));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tempfile::tempfile_in(folder).map(drop).map_err(|error| Failure::usage(anyhow::Error::new(error).context(place())))
}
