//! Fuel is set on an engine that does not consume it.
//!
//! A loop then ends at the CPU time or at the deadline, so both would hide it, and so would the kernel's own limit on CPU time.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "fuel-not-consumed",
    sentence: "fuel is set on an engine that does not consume it",
    seen: "F5",
    kind: Kind::Lift { lift: &["fuel"], backstops: &["cpu-time", "deadline", "jail"] },
};
