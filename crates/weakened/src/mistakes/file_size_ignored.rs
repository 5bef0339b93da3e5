//! A guest may write one file as long as the disk has room.
//!
//! The limit is the kernel's, set on the worker with the rest of its jail; without the jail it is gone.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "file-size-ignored",
    sentence: "a guest may write one file as long as the disk has room",
    seen: "F25",
    kind: Kind::Lift { lift: &["file-size"], backstops: &["jail"] },
};
