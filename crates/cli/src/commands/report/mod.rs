//! `gauntlet report`: a saved record in any format; and what is done with records afterwards.

mod compare;
mod evidence;
mod history;
mod keys;
mod merge;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args as ClapArgs, Subcommand};
use gauntlet_record::{Record, exit, faults};
use gauntlet_report::{Format, Options, WriteError};
use gauntlet_runner::{write_atomically, write_atomically_with};

use super::share;
use crate::args::report_format;
use crate::failure::Failure;
use crate::terminal;

#[derive(Debug, ClapArgs)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Examples:
  gauntlet report gauntlet-report/record.json
  gauntlet report gauntlet-report/record.json --format html --output report.html
  gauntlet report gauntlet-report/events.jsonl       what a run that was killed had finished
  gauntlet report gauntlet-report/record.json --all reports --redact

The exit code is that of the run which the record describes; 2 if the record does not agree with itself."
)]
pub(crate) struct Report {
    #[command(subcommand)]
    then: Option<Then>,
    #[command(flatten)]
    render: Render,
}

#[derive(Debug, ClapArgs)]
struct Render {
    /// The record, or the events of a run.
    #[arg(value_name = "RECORD", required = true)]
    record: Option<PathBuf>,
    /// What to write: human, json, junit, sarif, html, markdown, github, or another one that `gauntlet list formats` names.
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = report_format)]
    format: Format,
    /// The file to write to [default: standard output].
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write every format into this folder.
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    all: Option<PathBuf>,
    /// The matrix of layers to show in the page [default: `layers.json` beside the record, if it is there].
    #[arg(long, value_name = "FILE")]
    layers: Option<PathBuf>,
    /// Take out host names, paths, users and environment.
    #[arg(long)]
    redact: bool,
    /// Show everything that is known of every trial.
    #[arg(long, short)]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Then {
    /// Attest a folder with a record in it, signed or not.
    Sign(evidence::Sign),
    /// Verify a folder that was attested, or a trial that was disclosed, offline.
    Verify(evidence::Verify),
    /// Show one trial of a folder that was attested, with what proves it, and none of the others.
    Disclose(evidence::Disclose),
    /// Make a key to sign with.
    Keygen(keys::Keygen),
    /// Put the records of shards or machines together.
    Merge(merge::Merge),
    /// Compare two records.
    Diff(compare::Diff),
    /// Write a page with trends over the records in a folder.
    History(history::History),
    /// Print what the attacks of a record cost, for `gauntlet run --shard --costs`.
    Costs(share::Costs),
}

pub(super) fn run(args: &Report) -> Result<u8, Failure> {
    match &args.then {
        None => render(&args.render),
        Some(Then::Sign(args)) => evidence::sign(args),
        Some(Then::Verify(args)) => evidence::verify(args),
        Some(Then::Disclose(args)) => evidence::disclose(args),
        Some(Then::Keygen(args)) => keys::keygen(args),
        Some(Then::Merge(args)) => merge::merge(args),
        Some(Then::Diff(args)) => compare::diff(args),
        Some(Then::History(args)) => history::history(args),
        Some(Then::Costs(args)) => share::costs(args),
    }
}

fn render(args: &Render) -> Result<u8, Failure> {
    let path = args.record.as_deref().ok_or_else(|| Failure::usage(anyhow!("name a record")))?;
    let mut record = read(path)?;
    if args.redact {
        share::redaction().redact(&mut record);
    }
    let layers = layers(args, path)?;
    let options = |color| Options { color, width: terminal::width(), verbose: args.verbose };
    let write = |format: Format, color: bool, out: &mut dyn io::Write| match &layers {
        Some(layers) if format == Format::Html => gauntlet_report::write_page(&record, layers, out),
        Some(_) | None => gauntlet_report::write(&record, format, &options(color), out),
    };
    if let Some(folder) = &args.all {
        let failed = |error| {
            Failure::usage(anyhow::Error::new(error).context(format!("cannot write to `{}`", folder.display())))
        };
        fs::create_dir_all(folder).map_err(failed)?;
        for format in Format::ALL {
            let path = folder.join(format.file_name());
            write_atomically_with(&path, |out| write(*format, false, out).map_err(io_error)).map_err(failed)?;
        }
    } else if let Some(path) = &args.output {
        write_atomically_with(path, |out| write(args.format, false, out).map_err(io_error)).map_err(|error| {
            Failure::usage(anyhow::Error::new(error).context(format!("cannot write `{}`", path.display())))
        })?;
    } else {
        let mut out = anstream::stdout().lock();
        match write(args.format, terminal::color_stdout(), &mut out).map_err(io_error).and_then(|()| out.flush()) {
            // A reader that went away (`| head`) is no failure of ours.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                return Err(Failure::harness(anyhow::Error::new(error).context("cannot write to standard output")));
            }
            _ => {}
        }
    }
    Ok(record.exit_code())
}

fn io_error(error: WriteError) -> io::Error {
    match error {
        WriteError::Io(error) => error,
        error => io::Error::other(error),
    }
}

/// The matrix of layers that belongs to a record.
fn layers(args: &Render, record: &Path) -> Result<Option<gauntlet_report::Layers>, Failure> {
    if args.all.is_none() && args.format != Format::Html {
        return Ok(None);
    }
    let beside = record.with_file_name("layers.json");
    let path = match &args.layers {
        Some(path) => path,
        None if beside.is_file() => &beside,
        None => return Ok(None),
    };
    let failed =
        |error: anyhow::Error| Failure::usage(error.context(format!("cannot use the layers in `{}`", path.display())));
    let bytes = gauntlet_policy::read_limited(path, 64 << 20).map_err(|error| failed(error.into()))?;
    gauntlet_report::layers(&bytes).map(Some).map_err(|error| failed(error.into()))
}

/// A record that agrees with itself.
pub(super) fn read(path: &Path) -> Result<Record, Failure> {
    let failed =
        |error: anyhow::Error| Failure::usage(error.context(format!("cannot use the record `{}`", path.display())));
    let record = gauntlet_record::read(path).map_err(|error| failed(error.into()))?;
    let faults = faults(&record);
    if faults.is_empty() {
        return Ok(record);
    }
    let mut told: Vec<String> = faults.iter().take(5).map(ToString::to_string).collect();
    if faults.len() > told.len() {
        told.push(format!("and {} more", faults.len() - told.len()));
    }
    Err(failed(anyhow!("it does not agree with itself: {}", told.join("; "))))
}

/// Writes bytes to a file or, without one, to standard output.
fn deliver(output: Option<&Path>, bytes: &[u8]) -> Result<u8, Failure> {
    match output {
        Some(path) => write_file(path, bytes)?,
        None => super::print(bytes)?,
    }
    Ok(exit::CLEAN)
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
