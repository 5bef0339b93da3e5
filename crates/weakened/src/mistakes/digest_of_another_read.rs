//! The digest is checked when a module is registered; what is read again and run later is looked at by nobody.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "digest-of-another-read",
    sentence: "the digest is checked when a module is registered, and what is read again and run is not",
    seen: "F18",
    kind: Kind::Lift { lift: &["modules"], backstops: &[] },
};
