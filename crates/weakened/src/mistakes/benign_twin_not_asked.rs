//! Nobody looks whether honest guests still work, so that a sandbox that runs nothing is the safest.

use gauntlet_record::{Run, Verdict};
use gauntlet_runner::Evidence;

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "benign-twin-not-asked",
    sentence: "nobody looks whether the harmless twin did its work",
    seen: "F31",
    kind: Kind::Judge(judge),
};

fn judge(evidence: &Evidence<'_>) -> Verdict {
    let worked = |run: &Run| Run { obtained: true, ..run.clone() };
    let benign = worked(evidence.benign.unwrap_or(evidence.run));
    Evidence { benign: Some(&benign), ..*evidence }.judge().verdict
}
