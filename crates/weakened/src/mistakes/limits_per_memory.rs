//! The limits hold for each memory and each table, not for their sum: the engine's own limiter counts like that.

use crate::naive::{Choices, Counting, SOUND};
use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "limits-per-memory",
    sentence: "the limits hold for each memory and each table, not for their sum",
    seen: "F7",
    kind: Kind::Own(|| Box::new(Choices { name: MISTAKE.name, counting: Counting::Each, ..SOUND })),
};
