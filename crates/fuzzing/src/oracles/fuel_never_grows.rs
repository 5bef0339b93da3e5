//! Fuel is paid: nobody uses more than there was, and work that needs more does not come to its end.

use gauntlet_record::{Ending, LimitKey};

use super::{Check, Finding, Oracle};
use crate::{Answer, Observation};

pub(super) const ORACLE: Oracle = Oracle {
    id: "fuel-never-grows",
    property: "a run uses no more fuel than the policy gives, and loops that cost more do not come to their end",
    check: Check::Job(check),
};

fn check(observation: &Observation<'_>) -> Option<Finding> {
    let cap = observation.policy.limits.resolve(LimitKey::Fuel, 0)?;
    observation.answers().filter_map(Answer::outcome).find_map(|outcome| {
        let used = outcome.usage.iter().find(|usage| usage.limit == LimitKey::Fuel).and_then(|usage| usage.used);
        if let Some(used) = used.filter(|used| *used > cap) {
            return Some(Finding::new(&ORACLE, &format!("{used} of fuel used, {cap} allowed")));
        }
        // Every turn of a loop is several instructions, each of which costs fuel.
        let steps = observation.expected?.steps;
        (outcome.ending.ending == Ending::Returned && steps > cap)
            .then(|| Finding::new(&ORACLE, &format!("{steps} steps came to their end with {cap} of fuel")))
    })
}

#[cfg(test)]
mod tests {
    use gauntlet_policy::Policy;
    use gauntlet_record::Usage;
    use gauntlet_target::Outcome;

    use super::*;
    use crate::Expected;

    #[test]
    fn more_than_there_was_and_unpaid_work_are_findings() {
        let policy = Policy::parse("p", "version: 1\nlimits: { fuel: 1000 }\n").unwrap();
        let found = |used, steps| {
            let usage = vec![Usage { limit: LimitKey::Fuel, used, cap: None, unmeasured: None }];
            let answer = Answer::Outcome(Box::new(Outcome { usage, ..Outcome::default() }));
            let expected = Expected { work: 0, honest: false, steps, depth: 0, pages: 0, elements: 0 };
            let seen = Observation { expected: Some(expected), ..Observation::new(b"", &policy, answer) };
            check(&seen).is_some()
        };
        assert!(!found(Some(1000), 1000) && found(Some(1001), 0) && found(None, 1001));
    }
}
