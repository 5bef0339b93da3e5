//! A connection that was granted carries any number of bytes.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "network-bytes-uncounted",
    sentence: "a connection that was granted carries any number of bytes",
    seen: "F15",
    kind: Kind::Lift { lift: &["network-bytes"], backstops: &["jail"] },
};
