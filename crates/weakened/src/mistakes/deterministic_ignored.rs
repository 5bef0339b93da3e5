//! A run that was asked to be the same each time is given the host's clocks and random numbers.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "deterministic-ignored",
    sentence: "a deterministic run gets the clocks and the random numbers of the host",
    seen: "F22",
    kind: Kind::Lift { lift: &["deterministic"], backstops: &[] },
};
