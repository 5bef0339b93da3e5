//! The guest gets the network of the process, name lookup included.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "network-inherited",
    sentence: "the guest gets the network of the process, name lookup included",
    seen: "F15",
    kind: Kind::Lift { lift: &["network"], backstops: &["jail"] },
};
