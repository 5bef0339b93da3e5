//! The guest gets the environment of the process.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "environment-inherited",
    sentence: "the guest gets the environment of the process",
    seen: "F12",
    kind: Kind::Lift { lift: &["environment"], backstops: &[] },
};
