//! The proposal for collected memory is on, and the limit counts linear memories only.

use crate::naive::{Choices, Counting, SOUND};
use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "collected-heap-uncounted",
    sentence: "collected memory is offered, and the limit counts linear memories only",
    seen: "F8",
    kind: Kind::Own(|| {
        Box::new(Choices { name: MISTAKE.name, counting: Counting::LinearOnly, budgets: false, ..SOUND })
    }),
};
