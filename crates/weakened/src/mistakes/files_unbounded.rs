//! A guest may make names in granted directories until the inodes are used up.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "files-unbounded",
    sentence: "a guest may make names in granted directories until the inodes are used up",
    seen: "F25",
    kind: Kind::Lift { lift: &["files"], backstops: &["jail"] },
};
