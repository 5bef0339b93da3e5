//! The limit on the depth of calls is written in the policy and no call is counted.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "call-depth-ignored",
    sentence: "the limit on the depth of calls is written in the policy and nobody counts a call",
    seen: "F6",
    kind: Kind::Lift { lift: &["call-depth"], backstops: &[] },
};
