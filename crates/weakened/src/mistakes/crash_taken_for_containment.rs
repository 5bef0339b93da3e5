//! The process that ran the guest died, so the guest got nothing.

use gauntlet_record::Verdict;
use gauntlet_runner::Evidence;

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "crash-taken-for-containment",
    sentence: "the death of the process that ran the guest is taken for its containment",
    seen: "own",
    kind: Kind::Judge(judge),
};

fn judge(evidence: &Evidence<'_>) -> Verdict {
    if evidence.run.measured.host_death.is_some() { Verdict::Contained } else { evidence.judge().verdict }
}
