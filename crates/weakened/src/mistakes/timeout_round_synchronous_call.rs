//! A timeout future is wrapped round a synchronous call: nothing in it ever yields, so the timeout is looked at when the call is over.

use crate::naive::{Choices, Deadline, SOUND, Waits};
use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "timeout-round-synchronous-call",
    sentence: "a timeout future is wrapped round a synchronous call, so that it can never fire",
    seen: "F1",
    kind: Kind::Own(|| {
        Box::new(Choices {
            name: MISTAKE.name,
            deadline: Deadline::TimeoutRoundCall,
            waits: Waits::Block,
            budgets: false,
            ..SOUND
        })
    }),
};
