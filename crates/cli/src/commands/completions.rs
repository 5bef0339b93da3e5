//! `gauntlet completions`: for shells.

use clap::CommandFactory as _;
use gauntlet_record::exit;

use crate::args::{Args, Completions};
use crate::failure::Failure;

pub(super) fn run(args: &Completions) -> Result<u8, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "gauntlet", &mut text);
    super::print(&text)?;
    Ok(exit::CLEAN)
}
