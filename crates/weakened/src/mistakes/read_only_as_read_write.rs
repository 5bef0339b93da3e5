//! A read-only grant is preopened for reading and writing.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "read-only-as-read-write",
    sentence: "a read-only grant is preopened for reading and writing",
    seen: "F13",
    kind: Kind::Lift { lift: &["filesystem"], backstops: &["jail"] },
};
