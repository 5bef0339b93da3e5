//! Standard output has a cap and standard error has none.

use crate::naive::{Choices, SOUND, Streams};
use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "stderr-unbounded",
    sentence: "standard output has a cap and standard error has none",
    seen: "F16",
    kind: Kind::Own(|| Box::new(Choices { name: MISTAKE.name, streams: Streams::StderrUnbounded, ..SOUND })),
};
