//! The limit on the wasm stack is written in the policy and never given to the engine.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "stack-limit-ignored",
    sentence: "the limit on the wasm stack is written in the policy and never given to the engine",
    seen: "F6",
    kind: Kind::Lift { lift: &["stack"], backstops: &["jail"] },
};
