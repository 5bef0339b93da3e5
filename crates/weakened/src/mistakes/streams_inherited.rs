//! The guest's standard streams are the process's own, and no cap holds for them.

use crate::naive::{Choices, SOUND, Streams};
use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "streams-inherited",
    sentence: "the guest's standard streams are the process's own",
    seen: "F11",
    kind: Kind::Own(|| Box::new(Choices { name: MISTAKE.name, streams: Streams::Inherited, ..SOUND })),
};
