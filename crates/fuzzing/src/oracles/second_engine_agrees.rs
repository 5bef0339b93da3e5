//! Another engine comes to the same end with a pure module, but for the differences that are legal.

use gauntlet_record::{Cause, Ending};
use gauntlet_target::Outcome;

use super::same_case_same_outcome::{depends_on_time, show};
use super::{Check, Finding, Oracle, differences};
use crate::Observation;

pub(super) const ORACLE: Oracle = Oracle {
    id: "second-engine-agrees",
    property: "another engine ends a pure module in the same way and with the same result",
    check: Check::Job(check),
};

fn check(observation: &Observation<'_>) -> Option<Finding> {
    let (ours, theirs) = (observation.answer.outcome()?, observation.second.as_ref()?.outcome()?);
    if depends_on_time(ours) {
        return None;
    }
    let same = class(ours) == class(theirs) && ours.returned == theirs.returned;
    if same || differences().iter().any(|legal| legal.allows(&class(ours), &class(theirs), &theirs.ending.detail)) {
        return None;
    }
    let detail = |outcome: &Outcome| match outcome.ending.detail.lines().next() {
        Some(detail) if !detail.is_empty() => format!(" [{detail}]"),
        _ => String::new(),
    };
    let text = format!("ours {}{}, the other engine {}{}", show(ours), detail(ours), show(theirs), detail(theirs));
    Some(Finding::new(&ORACLE, &text))
}

/// How a run ended, in the words of the list of legal differences.
fn class(outcome: &Outcome) -> String {
    match (outcome.ending.ending, outcome.ending.cause) {
        (Ending::LimitReached, Some(Cause::Limit(key))) => format!("limit-{key}"),
        (ending, _) => ending.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use gauntlet_policy::Policy;
    use gauntlet_record::LimitKey;
    use gauntlet_target::EndingSeen;

    use super::*;
    use crate::Answer;

    /// Where this fails, a release of wasmi has mended it: then its entry in the list goes.
    #[test]
    fn the_fault_of_the_other_engine_is_still_there() {
        let job = gauntlet_target::Job {
            guest: include_bytes!("../../data/guarded-remainder.wasm").to_vec(),
            policy: Policy::parse("p", crate::POLICY).unwrap(),
            nonce: "ffffffffffffffff".into(),
            ..gauntlet_target::Job::default()
        };
        let outcome = gauntlet_target::Target::run(&crate::Second, &job).unwrap();
        assert_eq!(outcome.ending.ending, Ending::Trapped);
        assert!(outcome.ending.detail.contains("integer divide by zero"), "{}", outcome.ending.detail);
    }

    #[test]
    fn another_number_is_a_finding_and_a_limit_of_ours_is_legal() {
        let policy = Policy::default();
        let ended = |number| Outcome { returned: Some(number), ..Outcome::default() };
        let fuel = Outcome {
            ending: EndingSeen::caused(Ending::LimitReached, Cause::Limit(LimitKey::Fuel), ""),
            ..Outcome::default()
        };
        let trapped =
            Outcome { ending: EndingSeen { ending: Ending::Trapped, ..EndingSeen::default() }, ..Outcome::default() };
        let found = |ours, theirs| {
            let answer = |outcome| Answer::Outcome(Box::new(outcome));
            check(&Observation { second: Some(answer(theirs)), ..Observation::new(b"", &policy, answer(ours)) })
                .is_some()
        };
        assert!(found(ended(1), ended(2)) && found(ended(1), trapped.clone()) && found(trapped, ended(1)));
        assert!(!found(ended(1), ended(1)) && !found(fuel, ended(1)));
    }
}
