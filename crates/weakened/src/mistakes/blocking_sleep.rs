//! A sleeping guest blocks the executor's thread: an epoch deadline is looked at in the guest's code only.

use crate::naive::{Choices, SOUND, Waits};
use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "blocking-sleep",
    sentence: "a sleeping guest blocks the executor's thread, and the epoch does not wake it",
    seen: "F27",
    kind: Kind::Own(|| Box::new(Choices { name: MISTAKE.name, waits: Waits::Block, ..SOUND })),
};
