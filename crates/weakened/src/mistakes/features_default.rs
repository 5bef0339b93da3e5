//! The engine's proposals are taken as they come, whatever the policy says.
//!
//! Whoever leaves the choice to the engine leaves validation to it, too, so the validator in front of it does not look either.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "features-default",
    sentence: "the engine's proposals are taken as they come, whatever the policy says",
    seen: "F17",
    kind: Kind::Lift { lift: &["features"], backstops: &[] },
};
