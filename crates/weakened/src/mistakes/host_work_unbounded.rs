//! What the host does for a guest is paid for by nobody: a few instructions buy any amount of it.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "host-work-unbounded",
    sentence: "what the host does for a guest is paid for by nobody: a few instructions buy any amount of it",
    seen: "F25",
    kind: Kind::Lift { lift: &["host-work"], backstops: &["cpu-time", "fuel", "deadline", "jail"] },
};
