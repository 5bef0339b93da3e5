//! The wasm stack may grow larger than the stack of its thread: a deep recursion ends the process.

use crate::naive::{Choices, SOUND, Stack, Waits};
use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "stack-larger-than-thread",
    sentence: "the wasm stack may grow larger than the stack of its thread",
    seen: "F10",
    kind: Kind::Own(|| {
        Box::new(Choices {
            name: MISTAKE.name,
            stack: Stack::LargerThanThread { wasm: 64 << 20, thread: 256 << 10 },
            waits: Waits::Block,
            ..SOUND
        })
    }),
};
