//! The commands, one file each: arguments in, exit code out.

pub(crate) mod audit;
mod completions;
mod doctor;
mod exec;
mod explain;
mod fuzz;
pub(crate) mod guests;
mod import;
mod infer;
mod inspect;
mod launch;
mod layers;
mod lint;
mod list;
mod perform;
mod probes;
pub(crate) mod report;
mod run;
mod selftest;
pub(crate) mod serve;
pub(crate) mod services;
pub(crate) mod share;
mod trial;

pub(crate) use fuzz::Fuzz;

use crate::args::{Args, Command};
use crate::failure::Failure;

/// Runs a command and says with which code to exit.
pub(crate) fn run(args: Args) -> Result<u8, Failure> {
    args.color.apply();
    match args.command {
        Command::Run(args) => run::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Selftest(args) => selftest::run(&args),
        Command::Lint(args) => lint::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Exec(args) => exec::run(&args),
        Command::Guests(args) => guests::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Infer(args) => infer::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Report(args) => report::run(&args),
        Command::List(args) => list::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Trial(args) => trial::run(&args),
        Command::Perform(args) => perform::run(&args),
        Command::Launch(args) => launch::run(&args),
    }
}

/// Writes to standard output. A reader that went away (`| head`) is no failure of ours.
pub(crate) fn print(bytes: &[u8]) -> Result<(), Failure> {
    use std::io::Write as _;
    let mut out = anstream::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::harness(anyhow::Error::new(error).context("cannot write to standard output")))
        }
        _ => Ok(()),
    }
}
