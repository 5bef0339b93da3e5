//! The limit on CPU time is written in the policy and attached to nothing.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "cpu-time-ignored",
    sentence: "the limit on CPU time is written in the policy and attached to nothing",
    seen: "F6",
    kind: Kind::Lift { lift: &["cpu-time"], backstops: &["fuel", "host-work", "deadline", "jail"] },
};
