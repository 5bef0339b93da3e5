//! The maximum that a guest declares for its memory is taken for the limit.

use crate::naive::{Choices, Counting, SOUND};
use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "declared-maximum-as-limit",
    sentence: "the maximum that a guest declares for its memory is taken for the limit",
    seen: "F32",
    kind: Kind::Own(|| Box::new(Choices { name: MISTAKE.name, counting: Counting::Declared, ..SOUND })),
};
