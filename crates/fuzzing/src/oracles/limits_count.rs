//! What a guest holds and reaches is within the limits, by what it says itself.
//!
//! The guests of this oracle are written here and tell how many pages and table elements they hold at their end. An executor may count as
//! it likes: a guest that holds more than the policy gives was not counted.

use gauntlet_policy::OnDenial;
use gauntlet_record::{Ending, LimitKey};

use super::{Check, Finding, Oracle};
use crate::{Answer, Expected, Observation};

pub(super) const ORACLE: Oracle = Oracle {
    id: "limits-count",
    property: "memory, tables, the stack and calls that a guest comes to its end with are within the policy's limits",
    check: Check::Job(check),
};

/// Bytes of a page.
const PAGE: u64 = 65_536;
/// The least that a call takes on the stack: where to return to, and the frame before.
const FRAME: u64 = 16;

fn check(observation: &Observation<'_>) -> Option<Finding> {
    let expected = observation.expected?;
    let limit = |key| observation.policy.limits.resolve(key, 0);
    observation.answers().filter_map(Answer::outcome).find_map(|outcome| {
        if outcome.ending.ending != Ending::Returned {
            return None;
        }
        let (_, elements, pages) = Expected::parts(outcome.returned?);
        let above = |held: u64, key| limit(key).filter(|most| held > *most).map(|most| (held, most, key));
        let wrong = above(pages * PAGE, LimitKey::Memory)
            .or_else(|| above(elements, LimitKey::TableElements))
            .or_else(|| above(expected.depth.saturating_mul(FRAME), LimitKey::Stack))
            .or_else(|| above(expected.depth, LimitKey::CallDepth));
        if let Some((held, most, key)) = wrong {
            return Some(Finding::new(&ORACLE, &format!("{held} of `{key}` held, {most} allowed")));
        }
        let asked_more = (expected.pages > pages
            && limit(LimitKey::Memory).is_some_and(|most| expected.pages * PAGE > most))
            || (expected.elements > elements
                && limit(LimitKey::TableElements).is_some_and(|most| expected.elements > most));
        (asked_more && observation.policy.on_denial.value == OnDenial::Trap).then(|| {
            Finding::new(&ORACLE, "a growth was denied, the policy ends such a run, and it went on to its end")
        })
    })
}

#[cfg(test)]
mod tests {
    use gauntlet_policy::Policy;
    use gauntlet_target::Outcome;

    use super::*;

    const NOTHING: Expected = Expected { work: 0, honest: false, steps: 0, depth: 0, pages: 0, elements: 0 };

    fn found(policy: &str, returned: u64, expected: Expected) -> Option<String> {
        let policy = Policy::parse("p", &format!("version: 1\n{policy}\n")).unwrap();
        let answer = Answer::Outcome(Box::new(Outcome { returned: Some(returned), ..Outcome::default() }));
        let seen = Observation { expected: Some(expected), ..Observation::new(b"", &policy, answer) };
        check(&seen).map(|finding| finding.message.as_str().to_owned())
    }

    #[test]
    fn what_the_guest_holds_is_measured_against_the_policy() {
        let memory = "limits: { memory: 1MiB }";
        assert_eq!(found(memory, 16 << 44, NOTHING), None);
        assert_eq!(found(memory, 17 << 44, NOTHING).unwrap(), "1114112 of `memory` held, 1048576 allowed");
        assert!(found("limits: { table-elements: 9 }", 10 << 20, NOTHING).is_some());
        assert!(found("limits: { stack: 64KiB }", 0, Expected { depth: 5000, ..NOTHING }).is_some());
        assert!(found("limits: { call-depth: 40 }", 0, Expected { depth: 41, ..NOTHING }).is_some());
    }

    #[test]
    fn a_denial_that_is_to_end_the_run_does() {
        let asked = Expected { pages: 17, ..NOTHING };
        assert!(found("limits: { memory: 1MiB }\non-denial: trap", 16 << 44, asked).is_some());
        assert_eq!(found("limits: { memory: 1MiB }", 16 << 44, asked), None);
    }
}
