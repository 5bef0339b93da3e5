//! The clock has the resolution of the host's, whatever was granted.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "clock-finer-than-granted",
    sentence: "the clock has the resolution of the host's, whatever was granted",
    seen: "F22",
    kind: Kind::Lift { lift: &["clock"], backstops: &[] },
};
