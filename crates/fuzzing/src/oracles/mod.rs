//! Oracles, one file each: what holds of every sound sandbox, whatever the case.

mod deadline_overshoot;
mod denied_means_refused;
mod fuel_never_grows;
mod inline_equals_worker;
mod judge_proves;
mod legal_differences;
mod limits_count;
mod lint_accepts_means_loads;
mod no_host_panic;
mod reports_parse;
mod same_case_same_outcome;
mod second_engine_agrees;
mod tighter_never_more;
mod typed_outcome;
mod usage_within_limits;
mod work_as_written;

use gauntlet_record::{GuestText, MAX_TEXT_BYTES};
use gauntlet_target::TargetError;

use crate::Observation;

#[cfg(test)]
pub(crate) use denied_means_refused::features;
pub use judge_proves::{Proof, proved};
pub use legal_differences::{Difference, differences};
pub use lint_accepts_means_loads::PolicySeen;
pub use reports_parse::ReportSeen;

/// Every oracle, in the order of their ids.
pub const ORACLES: &[Oracle] = &[
    deadline_overshoot::ORACLE,
    denied_means_refused::ORACLE,
    fuel_never_grows::ORACLE,
    inline_equals_worker::ORACLE,
    judge_proves::ORACLE,
    limits_count::ORACLE,
    lint_accepts_means_loads::ORACLE,
    no_host_panic::ORACLE,
    reports_parse::ORACLE,
    same_case_same_outcome::ORACLE,
    second_engine_agrees::ORACLE,
    tighter_never_more::ORACLE,
    typed_outcome::ORACLE,
    usage_within_limits::ORACLE,
    work_as_written::ORACLE,
];

/// A property, and the check of it.
#[derive(Debug, Clone, Copy)]
pub struct Oracle {
    /// Its id: the name of its file.
    pub id: &'static str,
    /// What holds of every sound sandbox.
    pub property: &'static str,
    /// The check. It finds something or not, and never panics.
    pub check: Check,
}

/// A check, by what it looks at.
#[derive(Debug, Clone, Copy)]
pub enum Check {
    /// The answers to a job.
    Job(fn(&Observation<'_>) -> Option<Finding>),
    /// What was made of a policy.
    Policy(fn(&PolicySeen) -> Option<Finding>),
    /// What was made of a record.
    Report(fn(&ReportSeen<'_>) -> Option<Finding>),
    /// What a judge said of evidence.
    Judge(fn(&Proof<'_>) -> Option<Finding>),
}

/// A property that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The oracle's id.
    pub oracle: String,
    /// Where, without what differs from case to case: findings with the same oracle and place are one.
    pub place: String,
    /// What was seen instead. Parts of it are chosen by the guest.
    pub message: GuestText,
}

impl Finding {
    pub(crate) fn new(oracle: &Oracle, message: &str) -> Self {
        Self::of(oracle.id, message)
    }

    /// A finding of an oracle by its id, with the message's words for its place.
    #[must_use]
    pub fn of(oracle: &str, message: &str) -> Self {
        let message = GuestText::new(message.as_bytes(), MAX_TEXT_BYTES);
        Self { oracle: oracle.to_owned(), place: place(message.as_str()), message }
    }
}

/// A message without its numbers and whatever stands in quotes but for names of ours: what is left says where, not which.
fn place(message: &str) -> String {
    let mut place = String::new();
    let mut last_digit = false;
    for c in message.chars().take(160) {
        let digit = c.is_ascii_digit();
        if !digit {
            place.push(c);
        } else if !last_digit {
            place.push('N');
        }
        last_digit = digit;
    }
    place.truncate(place.char_indices().nth(100).map_or(place.len(), |(at, _)| at));
    place
}

/// What all oracles about jobs find.
pub fn check(observation: &Observation<'_>) -> Vec<Finding> {
    let checks = ORACLES.iter().filter_map(|oracle| match oracle.check {
        Check::Job(check) => Some(check),
        Check::Policy(_) | Check::Report(_) | Check::Judge(_) => None,
    });
    checks.filter_map(|check| check(observation)).collect()
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
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
            .map(|path| path.file_stem().unwrap().to_str().unwrap().replace('_', "-"))
            .filter(|name| name != "mod" && name != "legal-differences")
            .collect();
        let listed: Vec<String> = ORACLES.iter().map(|oracle| oracle.id.to_owned()).collect();
        assert_eq!(files.into_iter().collect::<Vec<_>>(), listed);
    }

    #[test]
    fn the_place_of_a_finding_is_the_same_for_other_numbers() {
        let one = Finding::of("x", "2 MiB of `memory` used, 1 MiB allowed");
        let two = Finding::of("x", "17 MiB of `memory` used, 16 MiB allowed");
        assert_eq!(one.place, two.place);
        assert_ne!(one.place, Finding::of("x", "2 of `table-elements` used").place);
    }
}
