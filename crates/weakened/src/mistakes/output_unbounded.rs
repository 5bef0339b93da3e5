//! Output is captured without a cap.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "output-unbounded",
    sentence: "output is captured without a cap",
    seen: "F16",
    kind: Kind::Lift { lift: &["output"], backstops: &[] },
};
