//! A run that was killed before it could answer is read like one that ended.

use gauntlet_record::{Ending, Verdict};
use gauntlet_runner::Evidence;

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "cut-run-read-as-pass",
    sentence: "the part of a report that a killed run left is read as a pass",
    seen: "F30",
    kind: Kind::Judge(judge),
};

fn judge(evidence: &Evidence<'_>) -> Verdict {
    if evidence.run.end.ending == Ending::WorkerDied { Verdict::Contained } else { evidence.judge().verdict }
}
