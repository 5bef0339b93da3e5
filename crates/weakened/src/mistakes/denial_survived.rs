//! A guest goes on after a denial that the policy says ends the run.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "denial-survived",
    sentence: "a guest goes on after a denial that the policy says ends the run",
    seen: "F29",
    kind: Kind::Lift { lift: &["on-denial"], backstops: &[] },
};
