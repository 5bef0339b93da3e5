//! A guest without imports ends the same way in either placement.

use super::same_case_same_outcome::{depends_on_time, show, told};
use super::{Check, Finding, Oracle};
use crate::Observation;

pub(super) const ORACLE: Oracle = Oracle {
    id: "inline-equals-worker",
    property: "the same guest under the same policy ends the same way in the caller's process and in a worker",
    check: Check::Job(check),
};

fn check(observation: &Observation<'_>) -> Option<Finding> {
    let (here, there) = (observation.answer.outcome()?, observation.elsewhere.as_ref()?.outcome()?);
    if depends_on_time(here) || depends_on_time(there) || told(here) == told(there) {
        return None;
    }
    Some(Finding::new(&ORACLE, &format!("here {}, in the other placement {}", show(here), show(there))))
}

#[cfg(test)]
mod tests {
    use gauntlet_policy::Policy;
    use gauntlet_target::Outcome;

    use super::*;
    use crate::Answer;

    #[test]
    fn another_result_elsewhere_is_a_finding() {
        let policy = Policy::default();
        let answer = |number| Answer::Outcome(Box::new(Outcome { returned: Some(number), ..Outcome::default() }));
        let seen = |there| Observation { elsewhere: Some(answer(there)), ..Observation::new(b"", &policy, answer(1)) };
        assert_eq!(check(&seen(1)), None);
        assert!(check(&seen(2)).is_some());
    }
}
