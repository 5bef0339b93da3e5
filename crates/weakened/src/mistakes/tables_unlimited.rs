//! Memory is limited and tables are not: each element costs the host as much as a pointer.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "tables-unlimited",
    sentence: "memory is limited and tables are not",
    seen: "F8",
    kind: Kind::Lift { lift: &["table-elements"], backstops: &["jail"] },
};
