//! `gauntlet report history`: trends over the records in a folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;
use gauntlet_report::Entry;

use super::deliver;
use crate::failure::Failure;

/// Most records that are read, and how deep folders may lie.
const MOST: usize = 10_000;
const DEEP: usize = 4;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gauntlet report history records/ --output history.html

Every `*.json` file below the folder that is a record counts; the others are named in the page. Links are not followed.
Exit codes: 0 written, 2 no record in the folder.")]
pub(super) struct History {
    /// The folder.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The page [default: standard output].
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn history(args: &History) -> Result<u8, Failure> {
    let mut files = Vec::new();
    walk(&args.dir, 0, &mut files)
        .with_context(|| format!("cannot read `{}`", args.dir.display()))
        .map_err(Failure::usage)?;
    files.sort();
    let (mut entries, mut unreadable) = (Vec::new(), Vec::new());
    for path in files.iter().take(MOST) {
        let name = path.strip_prefix(&args.dir).unwrap_or(path).to_string_lossy().into_owned();
        match gauntlet_record::read(path) {
            Ok(record) => match gauntlet_record::faults(&record).first() {
                None => entries.push(Entry::new(&name, &record)),
                Some(fault) => unreadable.push((name, fault.to_string())),
            },
            Err(error) => unreadable.push((name, gauntlet_target::error_chain(&error))),
        }
    }
    if entries.is_empty() {
        return Err(Failure::usage(anyhow!("there is no record in `{}`", args.dir.display())));
    }
    let mut page = Vec::new();
    gauntlet_report::write_history(&entries, &unreadable, &mut page).map_err(Failure::harness)?;
    deliver(args.output.as_deref(), &page)
}

fn walk(dir: &Path, deep: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, entry.path());
        if kind.is_dir() && deep < DEEP {
            walk(&path, deep + 1, files)?;
        } else if kind.is_file() && path.extension().is_some_and(|end| end == "json") && files.len() < MOST {
            files.push(path);
        }
    }
    Ok(())
}
