//! The size of a module is looked at by nobody before it is read and compiled.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "module-size-ignored",
    sentence: "the size of a module is looked at by nobody before it is read and compiled",
    seen: "F6",
    kind: Kind::Lift { lift: &["module-size"], backstops: &[] },
};
