//! A guest with a grant of the network may bind any port of the host.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "ports-uncounted",
    sentence: "a guest with a grant of the network may bind any port of the host",
    seen: "F15",
    kind: Kind::Lift { lift: &["ports"], backstops: &["jail"] },
};
