//! Standard input is the process's own.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "stdin-inherited",
    sentence: "standard input is the process's own",
    seen: "F11",
    kind: Kind::Lift { lift: &["stdin"], backstops: &[] },
};
