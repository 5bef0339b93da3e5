//! Nobody looks whether the attack works at all.

use gauntlet_record::{Run, Verdict};
use gauntlet_runner::Evidence;

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "live-control-not-asked",
    sentence: "an attack that works nowhere is taken for one that was stopped",
    seen: "own",
    kind: Kind::Judge(judge),
};

fn judge(evidence: &Evidence<'_>) -> Verdict {
    let worked = |run: &Run| Run { obtained: true, ..run.clone() };
    let live = worked(evidence.live.unwrap_or(evidence.run));
    Evidence { live: Some(&live), ..*evidence }.judge().verdict
}
