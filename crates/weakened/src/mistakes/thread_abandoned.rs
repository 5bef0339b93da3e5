//! At the deadline the waiting stops and the guest's thread runs on, and the time reported is the limit.

use crate::naive::{Choices, Deadline, SOUND, Waits};
use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "thread-abandoned",
    sentence: "at the deadline the waiting stops and the guest's thread runs on",
    seen: "F3",
    kind: Kind::Own(|| {
        Box::new(Choices {
            name: MISTAKE.name,
            deadline: Deadline::ThreadAbandoned,
            waits: Waits::Block,
            budgets: false,
            ..SOUND
        })
    }),
};
