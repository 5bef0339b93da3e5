//! `gauntlet report diff`: two records side by side.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::read;
use crate::commands::print;
use crate::failure::Failure;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gauntlet report diff main.json branch.json
  gauntlet report diff main.json branch.json --format json

Exit codes: 0 nothing got worse, 1 a new breach, 2 a record that cannot be used, 3 coverage was lost.")]
pub(super) struct Diff {
    /// The older record.
    #[arg(value_name = "BEFORE")]
    before: PathBuf,
    /// The newer one.
    #[arg(value_name = "AFTER")]
    after: PathBuf,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Form::Human)]
    format: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Human,
    Json,
}

pub(super) fn diff(args: &Diff) -> Result<u8, Failure> {
    let found = gauntlet_report::diff(&read(&args.before)?, &read(&args.after)?);
    let text = match args.format {
        Form::Human => found.to_text(),
        Form::Json => serde_json::to_string_pretty(&found).map_err(Failure::harness)? + "\n",
    };
    print(text.as_bytes())?;
    Ok(found.exit_code())
}
