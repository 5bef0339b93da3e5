//! `gauntlet report merge`: the records of shards or machines put together.

use std::path::PathBuf;

use clap::Args;
use gauntlet_record::{Record, write_json};
use gauntlet_report::Format;

use super::{deliver, read};
use crate::failure::Failure;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gauntlet report merge part-1/record.json part-2/record.json part-3/record.json --output record.json
  gauntlet report record.json --format html --output report.html

The exit code is that of the whole run; 2 if the records are not of one policy, corpus and version, or if trials are missing
or there twice, which are named.")]
pub(super) struct Merge {
    /// The records.
    #[arg(value_name = "RECORD", required = true)]
    records: Vec<PathBuf>,
    /// The file of the merged record [default: standard output].
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What is missing makes the record incomplete, which proves nothing as a whole, and is no error.
    #[arg(long)]
    allow_gaps: bool,
    /// What to write: json, or another format.
    #[arg(long, value_name = "FORMAT", default_value = "json", value_parser = crate::args::report_format)]
    format: Format,
}

pub(super) fn merge(args: &Merge) -> Result<u8, Failure> {
    let records = args.records.iter().map(|path| read(path)).collect::<Result<Vec<Record>, Failure>>()?;
    let merged = gauntlet_report::merge(&records, args.allow_gaps)
        .map_err(|error| Failure::usage(anyhow::Error::new(error).context("cannot merge the records")))?;
    drop(records);
    let mut bytes = Vec::new();
    if args.format == Format::Json {
        write_json(&merged, &mut bytes).map_err(Failure::harness)?;
    } else {
        gauntlet_report::write(&merged, args.format, &gauntlet_report::Options::default(), &mut bytes)
            .map_err(Failure::harness)?;
    }
    deliver(args.output.as_deref(), &bytes)?;
    Ok(merged.exit_code())
}
