//! What nobody measured is read as zero, which is below every limit.

use gauntlet_record::{Measured, Verdict};
use gauntlet_runner::Evidence;

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "unmeasured-read-as-zero",
    sentence: "what nobody measured is read as zero",
    seen: "F33",
    kind: Kind::Judge(judge),
};

fn judge(evidence: &Evidence<'_>) -> Verdict {
    let seen = &evidence.run.measured;
    let zero = Some(0);
    let measured = Measured {
        wall_time: seen.wall_time.or(zero),
        cpu_time: seen.cpu_time.or(zero),
        memory: seen.memory.or(zero),
        output: seen.output.or(zero),
        files: seen.files.or(zero),
        disk: seen.disk.or(zero),
        open_files: seen.open_files.or(zero),
        threads: seen.threads.or(zero),
        processes: seen.processes.or(zero),
        io_calls: seen.io_calls.or(zero),
        report_bytes: seen.report_bytes.or(zero),
        ..seen.clone()
    };
    let mut run = evidence.run.clone();
    run.measured = measured;
    Evidence { run: &run, ..*evidence }.judge().verdict
}
