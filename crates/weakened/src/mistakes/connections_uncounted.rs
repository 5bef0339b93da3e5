//! A granted address may be connected to as often as a guest likes.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "connections-uncounted",
    sentence: "a granted address may be connected to as often as a guest likes",
    seen: "F15",
    kind: Kind::Lift { lift: &["connections"], backstops: &["jail"] },
};
