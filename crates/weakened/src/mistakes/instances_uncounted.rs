//! Nobody counts the core instances that a component makes.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "instances-uncounted",
    sentence: "nobody counts the instances that a component makes",
    seen: "F25",
    kind: Kind::Lift { lift: &["instances"], backstops: &["memory", "jail"] },
};
