//! Time bounds a compilation and memory does not.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "compile-memory-ignored",
    sentence: "a compilation is bounded in time and not in memory",
    seen: "F4",
    kind: Kind::Lift { lift: &["compile-memory"], backstops: &["jail", "compile-time"] },
};
