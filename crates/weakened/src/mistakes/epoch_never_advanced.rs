//! An epoch deadline is set and nobody advances the epoch.

use crate::naive::{Choices, Deadline, SOUND};
use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "epoch-never-advanced",
    sentence: "an epoch deadline is set and nobody advances the epoch",
    seen: "F2",
    kind: Kind::Own(|| {
        Box::new(Choices { name: MISTAKE.name, deadline: Deadline::NeverAdvanced, budgets: false, ..SOUND })
    }),
};
