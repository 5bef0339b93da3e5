//! A guest may write to granted directories until the disk is full.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "disk-unbounded",
    sentence: "a guest may write to granted directories until the disk is full",
    seen: "F25",
    kind: Kind::Lift { lift: &["disk"], backstops: &["file-size", "jail"] },
};
