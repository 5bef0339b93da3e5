//! The first table of every report: one row a limit and grant, with what the trials prove of it.

use serde::Serialize;

use crate::{Closeness, Record, Verdict};

/// What the trials prove of one limit or grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub enum Proof {
    /// At least one attack was contained by it and none was not.
    Pass,
    /// An attack got through.
    Fail,
    /// No trial shows it either way.
    NotProved,
}

impl Proof {
    /// The words of the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::NotProved => "NOT PROVED",
        }
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Guarantee {
    /// The policy's key, for example `limits.memory`.
    pub key: String,
    /// Its value.
    pub value: String,
    /// What is proved.
    pub proof: Proof,
    /// Why it is not proved, or which attack got through.
    pub note: String,
    /// The worst use seen, over the trials that prove it: the trial that came closest to the limit or went furthest past it.
    pub worst: Option<Closeness>,
    /// The attacks that prove it or break it, by id.
    pub attacks: Vec<String>,
    /// How many of them were witnessed by their live control.
    pub witnessed: usize,
}

/// The rows of a record, in the policy's order. A limit without a trial is NOT PROVED.
#[must_use]
pub fn guarantees(record: &Record) -> Vec<Guarantee> {
    record
        .policy
        .values
        .iter()
        .map(|value| {
            let about: Vec<_> = record.trials.iter().filter(|trial| trial.subjects.contains(&value.key)).collect();
            let breached: Vec<&str> = about
                .iter()
                .filter(|trial| trial.verdict == Verdict::Breached)
                .map(|trial| trial.attack.as_str())
                .collect();
            let open: Vec<&str> = about
                .iter()
                .filter(|trial| trial.verdict == Verdict::Inconclusive)
                .map(|trial| trial.attack.as_str())
                .collect();
            let held = about.iter().filter(|trial| trial.verdict == Verdict::Contained).count();
            let (proof, note) = if !breached.is_empty() {
                let also = value.not_held.as_ref().map(|reason| format!("; {reason}")).unwrap_or_default();
                (Proof::Fail, format!("breached by {}{also}", breached.join(", ")))
            } else if let Some(reason) = &value.not_held {
                (Proof::NotProved, reason.clone())
            } else if !open.is_empty() {
                (Proof::NotProved, format!("inconclusive: {}", open.join(", ")))
            } else if held > 0 {
                (Proof::Pass, String::new())
            } else {
                (Proof::NotProved, "no trial".to_owned())
            };
            // A trial may be evidence for several lines, and came close to the limit of one of them.
            let of_this = |closeness: &&Closeness| value.key.strip_prefix("limits.") == Some(closeness.limit.as_str());
            let worst = about
                .iter()
                .filter_map(|trial| trial.closeness.as_ref().filter(of_this))
                .max_by(|a, b| ratio(a).total_cmp(&ratio(b)))
                .cloned();
            Guarantee {
                key: value.key.clone(),
                value: value.value.clone(),
                proof,
                note,
                worst,
                witnessed: about.iter().filter(|trial| trial.witnessed).count(),
                attacks: about
                    .iter()
                    .filter(|trial| trial.verdict != Verdict::Unsupported)
                    .map(|trial| trial.attack.clone())
                    .collect(),
            }
        })
        .collect()
}

/// Used against limit, for sorting only.
#[expect(clippy::cast_precision_loss, reason = "a share for sorting, not a quantity")]
fn ratio(closeness: &Closeness) -> f64 {
    closeness.used as f64 / closeness.cap.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    #[test]
    fn a_limit_without_a_trial_is_not_proved() {
        let mut record = example();
        record.trials.clear();
        assert!(guarantees(&record).iter().all(|row| row.proof == Proof::NotProved));
    }

    #[test]
    fn the_worst_use_of_a_limit_is_never_that_of_another() {
        let mut record = example();
        record.trials[0].subjects = vec!["limits.deadline".into(), "limits.memory".into()];
        let worst = |key: &str| guarantees(&record).into_iter().find(|row| row.key == key).unwrap().worst;
        assert_eq!(worst("limits.memory"), record.trials[0].closeness);
        assert_eq!(worst("limits.deadline"), None);
    }

    #[test]
    fn one_breach_fails_the_row_whatever_else_was_contained() {
        let rows = guarantees(&example());
        let memory = rows.iter().find(|row| row.key == "limits.memory").unwrap();
        assert_eq!(memory.proof, Proof::Pass);
        let files = rows.iter().find(|row| row.key == "grants.filesystem").unwrap();
        assert_eq!(files.proof, Proof::Fail);
    }
}
