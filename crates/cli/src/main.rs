//! Proves that a WebAssembly sandbox holds: attacks, controls, verdicts, reports.

mod args;
mod commands;
mod failure;
mod inputs;
#[cfg(test)]
mod integrations;
mod scripts;
mod targets;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    // A worker is this executable started again: it has to narrow itself before anything else happens.
    if let Some(code) = gauntlet_sandbox::worker_main() {
        return ExitCode::from(code);
    }
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            let code = if error.use_stderr() { gauntlet_record::exit::USAGE } else { gauntlet_record::exit::CLEAN };
            return ExitCode::from(code);
        }
    };
    match commands::run(args) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.code())
        }
    }
}
