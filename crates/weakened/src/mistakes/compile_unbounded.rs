//! The deadline begins after compiling, which no limit of the engine bounds.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "compile-unbounded",
    sentence: "the deadline begins after compiling, which no limit of the engine bounds",
    seen: "F4",
    kind: Kind::Lift { lift: &["compile-time", "compile-memory"], backstops: &["cpu-time", "deadline", "jail"] },
};
