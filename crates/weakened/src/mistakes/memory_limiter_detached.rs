//! A memory limiter is built and never attached to the store.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "memory-limiter-detached",
    sentence: "a memory limiter is built and never attached to the store",
    seen: "F6",
    kind: Kind::Lift { lift: &["memory"], backstops: &["jail"] },
};
