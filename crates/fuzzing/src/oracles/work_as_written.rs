//! A guest that is known to do something does just that, and an honest one is let.

use gauntlet_record::Ending;

use super::{Check, Finding, Oracle};
use crate::{Answer, Expected, Observation};

pub(super) const ORACLE: Oracle = Oracle {
    id: "work-as-written",
    property: "a guest comes to the result that was written into it, and one well within the limits comes to its end",
    check: Check::Job(check),
};

fn check(observation: &Observation<'_>) -> Option<Finding> {
    let expected = observation.expected?;
    observation.answers().filter_map(Answer::outcome).find_map(|outcome| {
        let ending = outcome.ending.ending;
        if ending != Ending::Returned {
            let cause = outcome.ending.cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
            return expected
                .honest
                .then(|| Finding::new(&ORACLE, &format!("an honest guest did not come to its end: {ending}{cause}")));
        }
        let Some(returned) = outcome.returned else {
            return Some(Finding::new(&ORACLE, "it returned, and its result is not there"));
        };
        let (work, _, _) = Expected::parts(returned);
        (work != expected.work).then(|| {
            Finding::new(&ORACLE, &format!("the result is {work}, and what was written comes to {}", expected.work))
        })
    })
}

#[cfg(test)]
mod tests {
    use gauntlet_policy::Policy;
    use gauntlet_target::Outcome;

    use super::*;

    #[test]
    fn another_result_and_none_are_findings() {
        let policy = Policy::default();
        let found = |returned| {
            let answer = Answer::Outcome(Box::new(Outcome { returned, ..Outcome::default() }));
            let expected = Expected { work: 7, honest: true, steps: 0, depth: 0, pages: 0, elements: 0 };
            check(&Observation { expected: Some(expected), ..Observation::new(b"", &policy, answer) }).is_some()
        };
        assert!(!found(Some(7)) && !found(Some(7 | 3 << 44)) && found(Some(8)) && found(None));
    }
}
