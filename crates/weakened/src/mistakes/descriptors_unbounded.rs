//! Nobody counts the descriptors and handles that a guest holds open.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "descriptors-unbounded",
    sentence: "nobody counts the descriptors and handles that a guest holds open",
    seen: "F25",
    kind: Kind::Lift { lift: &["open-files", "handles"], backstops: &["jail"] },
};
