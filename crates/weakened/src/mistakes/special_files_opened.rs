//! Devices, FIFOs and sockets in granted directories are opened like files.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "special-files-opened",
    sentence: "devices, FIFOs and sockets in granted directories are opened like files",
    seen: "F13",
    kind: Kind::Lift { lift: &["special-files"], backstops: &["deadline"] },
};
