//! `gauntlet perform`: one job on a target that runs guests in its own process. The trial measures this process from outside.

use anyhow::anyhow;
use gauntlet_record::exit;

use crate::args::Perform;
use crate::failure::Failure;
use crate::targets;

pub(super) fn run(args: &Perform) -> Result<u8, Failure> {
    let target = targets::in_process(&args.target)?;
    gauntlet_runner::perform(&args.job, &args.outcome, &*target).map_err(|error| {
        Failure::harness(anyhow!(error).context(format!("cannot perform the job `{}`", args.job.display())))
    })?;
    Ok(exit::CLEAN)
}
