//! The harness's own watchdog ended the run, and the sandbox gets the praise.

use gauntlet_record::Verdict;
use gauntlet_runner::Evidence;

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "watchdog-taken-for-limit",
    sentence: "a run that the harness had to end is taken for one that the sandbox ended",
    seen: "own",
    kind: Kind::Judge(judge),
};

fn judge(evidence: &Evidence<'_>) -> Verdict {
    if evidence.run.measured.watchdog { Verdict::Contained } else { evidence.judge().verdict }
}
