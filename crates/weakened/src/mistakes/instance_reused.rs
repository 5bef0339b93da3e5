//! One instance serves one tenant after the other.

use crate::naive::{Choices, SOUND};
use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "instance-reused",
    sentence: "one instance serves one tenant after the other, memory and globals as they were left",
    seen: "F21",
    kind: Kind::Own(|| Box::new(Choices { name: MISTAKE.name, reused: true, ..SOUND })),
};
