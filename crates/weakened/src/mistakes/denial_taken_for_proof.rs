//! A growth that was answered with -1 is taken for proof of a limit; what the guest got before is not measured.

use gauntlet_record::{Cause, Verdict};
use gauntlet_runner::Evidence;

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "denial-taken-for-proof",
    sentence: "a growth that was denied once is taken for proof of the limit, and what was obtained is not measured",
    seen: "F9",
    kind: Kind::Judge(judge),
};

fn judge(evidence: &Evidence<'_>) -> Verdict {
    let denied = |cause: &Cause| matches!(cause, Cause::Limit(_)) && evidence.run.causes.contains(cause);
    if evidence.attack.contained_by.iter().any(denied) { Verdict::Contained } else { evidence.judge().verdict }
}
