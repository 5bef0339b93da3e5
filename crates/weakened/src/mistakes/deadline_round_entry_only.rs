//! The deadline is armed after instantiation, so that it does not hold for start functions.

use crate::naive::{Choices, Deadline, SOUND};
use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "deadline-round-entry-only",
    sentence: "the deadline is armed after instantiation, so that it does not hold for start functions",
    seen: "F4",
    kind: Kind::Own(|| {
        Box::new(Choices { name: MISTAKE.name, deadline: Deadline::EntryOnly, budgets: false, ..SOUND })
    }),
};
