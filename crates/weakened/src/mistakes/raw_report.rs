//! What the guest wrote and named is reported as it is: control characters, markup and CI commands included.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "raw-report",
    sentence: "what the guest wrote and named is reported as it is",
    seen: "F24",
    kind: Kind::Lift { lift: &["escaping"], backstops: &[] },
};
