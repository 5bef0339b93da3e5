//! `gauntlet perform`: one job on a target that runs guests in its own process. The trial measures this process from outside.

use anyhow::{Context as _, anyhow};
use gauntlet_record::exit;
use gauntlet_target::Job;

use crate::args::Perform;
use crate::failure::Failure;
use crate::targets;

pub(super) fn run(args: &Perform) -> Result<u8, Failure> {
    let parent = rustix::process::getppid();
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    if rustix::process::getppid() != parent {
        return Err(Failure::harness(anyhow!("the parent is gone")));
    }
    let bytes = std::fs::read(&args.job)
        .with_context(|| format!("cannot read `{}`", args.job.display()))
        .map_err(Failure::harness)?;
    let job: Job = serde_json::from_slice(&bytes).context("not a job").map_err(Failure::harness)?;
    let target = targets::in_process(&args.target)?;
    let answer = target.run(&job).map_err(|error| error.to_string());
    let text = serde_json::to_vec(&answer).map_err(Failure::harness)?;
    std::fs::write(&args.outcome, text)
        .with_context(|| format!("cannot write `{}`", args.outcome.display()))
        .map_err(Failure::harness)?;
    Ok(exit::CLEAN)
}
