//! `gauntlet trial`: one run of one trial, in a process of its own that is measured and cleaned up as a whole.

use std::path::Path;

use gauntlet_record::exit;
use gauntlet_runner::serve;

use crate::args::Trial;
use crate::failure::Failure;
use crate::targets;

pub(super) fn run(args: &Trial) -> Result<u8, Failure> {
    let directory = args.spec.parent().unwrap_or_else(|| Path::new(".")).to_owned();
    let payloads =
        |record: &gauntlet_record::Record| (gauntlet_report::payloads(record), gauntlet_report::largest(record));
    serve(&args.spec, &|choice| targets::make(choice, &directory), &payloads).map_err(Failure::harness)?;
    Ok(exit::CLEAN)
}
