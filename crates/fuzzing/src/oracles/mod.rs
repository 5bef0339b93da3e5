//! Oracles: what no answer of a sandbox may be. One file each; adding one is its file, a `mod` line and an entry of the list.

mod no_host_panic;
mod same_case_same_outcome;
mod typed_outcome;
mod usage_within_limits;

use gauntlet_record::{GuestText, MAX_TEXT_BYTES};
use gauntlet_target::TargetError;

use crate::Observation;

/// Every oracle, by id.
pub const ORACLES: &[Oracle] =
    &[no_host_panic::ORACLE, same_case_same_outcome::ORACLE, typed_outcome::ORACLE, usage_within_limits::ORACLE];

/// A property of every answer, and the check of it.
#[derive(Debug, Clone, Copy)]
pub struct Oracle {
    /// Its id: the name of its file.
    pub id: &'static str,
    /// What holds of every sound sandbox.
    pub property: &'static str,
    /// Whether it compares two runs of one case.
    pub compares: bool,
    /// The check. It finds something or not, and never panics.
    pub check: fn(&Observation<'_>) -> Option<Finding>,
}

/// A property that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The oracle's id.
    pub oracle: &'static str,
    /// What was seen instead. Parts of it are chosen by the guest.
    pub message: GuestText,
}

impl Finding {
    fn new(oracle: &Oracle, message: &str) -> Self {
        Self { oracle: oracle.id, message: GuestText::new(message.as_bytes(), MAX_TEXT_BYTES) }
    }
}

/// Whether an error is about the policy and the host, whatever the guest: then there is nothing to fuzz.
pub(crate) fn is_setup(error: &TargetError) -> bool {
    matches!(error, TargetError::LimitUnenforced { .. } | TargetError::Unconfined { .. })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_list_and_the_folder_agree() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/oracles");
        let files: BTreeSet<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().replace('_', "-"))
            .filter(|name| name != "mod")
            .collect();
        let listed: Vec<String> = ORACLES.iter().map(|oracle| oracle.id.to_owned()).collect();
        assert_eq!(files.into_iter().collect::<Vec<_>>(), listed);
    }
}
