//! A guest without imports has nothing that could make two runs differ.

use gauntlet_record::{Cause, LimitKey};
use gauntlet_target::Outcome;

use super::{Check, Finding, Oracle};
use crate::Observation;

pub(super) const ORACLE: Oracle = Oracle {
    id: "same-case-same-outcome",
    property: "the same guest under the same policy ends the same way twice",
    check: Check::Job(check),
};

fn check(observation: &Observation<'_>) -> Option<Finding> {
    let (first, second) = (observation.answer.outcome()?, observation.again.as_ref()?.outcome()?);
    if depends_on_time(first) || depends_on_time(second) || told(first) == told(second) {
        return None;
    }
    Some(Finding::new(&ORACLE, &format!("first {}, then {}", show(first), show(second))))
}

/// A limit on time ends the same loop now here, now there.
pub(super) fn depends_on_time(outcome: &Outcome) -> bool {
    outcome.causes().iter().any(|cause| {
        matches!(
            cause,
            Cause::Limit(LimitKey::Deadline | LimitKey::CpuTime | LimitKey::CompileTime | LimitKey::CompileMemory)
                | Cause::KilledParent
                | Cause::KilledOs
        )
    })
}

pub(super) fn told(outcome: &Outcome) -> impl PartialEq {
    (outcome.ending.ending, outcome.ending.cause, outcome.returned)
}

pub(super) fn show(outcome: &Outcome) -> String {
    let mut text = outcome.ending.ending.to_string();
    if let Some(cause) = outcome.ending.cause {
        text += &format!(" ({cause})");
    }
    if let Some(returned) = outcome.returned {
        text += &format!(" with {returned}");
    }
    text
}

#[cfg(test)]
mod tests {
    use gauntlet_policy::Policy;
    use gauntlet_record::Ending;
    use gauntlet_target::EndingSeen;

    use super::*;
    use crate::Answer;

    fn compare(first: Outcome, second: Outcome) -> Option<String> {
        let (answer, again) = (Answer::Outcome(Box::new(first)), Some(Answer::Outcome(Box::new(second))));
        let finding = check(&Observation { again, ..Observation::new(b"", &Policy::default(), answer) })?;
        Some(finding.message.as_str().to_owned())
    }

    fn returned(number: u64) -> Outcome {
        Outcome { returned: Some(number), ..Outcome::default() }
    }

    fn stopped(key: LimitKey) -> Outcome {
        Outcome { ending: EndingSeen::caused(Ending::LimitReached, Cause::Limit(key), ""), ..Outcome::default() }
    }

    #[test]
    fn an_outcome_that_flips_is_a_finding() {
        assert_eq!(compare(returned(1), returned(2)).unwrap(), "first returned with 1, then returned with 2");
        assert_eq!(
            compare(returned(1), stopped(LimitKey::Fuel)).unwrap(),
            "first returned with 1, then limit-reached (limit-fuel)"
        );
        assert_eq!(compare(returned(1), returned(1)), None);
        assert_eq!(compare(stopped(LimitKey::Fuel), stopped(LimitKey::Fuel)), None);
    }

    #[test]
    fn a_limit_on_time_excuses_a_difference() {
        assert_eq!(compare(returned(1), stopped(LimitKey::Deadline)), None);
    }

    #[test]
    fn one_run_alone_says_nothing() {
        let answer = Answer::Outcome(Box::new(returned(1)));
        assert_eq!(check(&Observation::new(b"", &Policy::default(), answer)), None);
    }
}
