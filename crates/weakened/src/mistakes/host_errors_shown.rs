//! The guest is told the text of a host error as it came from the system.

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "host-errors-shown",
    sentence: "the text of a host's error is handed to the guest, paths and versions included",
    seen: "F23",
    kind: Kind::Lift { lift: &["errors"], backstops: &[] },
};
