//! `gauntlet fuzz`: generators and oracles against the executor, on a stable compiler, in processes that may die of it.

mod args;
mod bench;
mod figures;
mod findings;
mod lane;
mod run;
mod seeds;
mod weaknesses;

use gauntlet_fuzzing::PAIRS;
use gauntlet_record::exit;

use args::Action;
pub(crate) use args::Fuzz;

use crate::failure::Failure;

pub(super) fn run(args: &Fuzz) -> Result<u8, Failure> {
    match &args.action {
        None => run::run(&args.run),
        Some(Action::Pairs) => pairs(),
        Some(Action::Minimize(args)) => findings::minimize(args),
        Some(Action::Replay(args)) => findings::replay(args),
        Some(Action::Promote(args)) => findings::promote(args),
        Some(Action::Seeds(args)) => seeds::run(args),
        Some(Action::Weaknesses(args)) => weaknesses::run(args),
        Some(Action::Figures(args)) => figures::run(args),
        Some(Action::Lane(args)) => lane::run(args),
        Some(Action::Execute(args)) => findings::execute(args),
    }
}

fn pairs() -> Result<u8, Failure> {
    let rows: Vec<String> = PAIRS.iter().map(|pair| format!("{:<18}{}\n", pair.id, pair.summary)).collect();
    super::print(rows.concat().as_bytes())?;
    Ok(exit::CLEAN)
}
