//! Whatever the guest is, the host lives.

use gauntlet_record::Ending;
use gauntlet_target::is_fault_signal;

use super::{Check, Finding, Oracle};
use crate::{Answer, Observation};

pub(super) const ORACLE: Oracle = Oracle {
    id: "no-host-panic",
    property: "no guest makes the executor panic or its process die of a fault",
    check: Check::Job(check),
};

fn check(observation: &Observation<'_>) -> Option<Finding> {
    observation.answers().find_map(|answer| match answer {
        Answer::Panic(message) => Some(Finding::new(&ORACLE, &format!("the executor panicked: {message}"))),
        Answer::Error(_) => None,
        Answer::Outcome(outcome) => {
            let ending = &outcome.ending;
            if ending.ending != Ending::WorkerDied {
                return None;
            }
            match (ending.signal, ending.cause) {
                (Some(0), _) => Some(Finding::new(&ORACLE, &format!("the worker panicked: {}", ending.detail))),
                (Some(signal), _) if is_fault_signal(signal) => {
                    Some(Finding::new(&ORACLE, &format!("the worker died of signal {signal}: {}", ending.detail)))
                }
                // Killed for a reason that is named.
                (_, Some(_)) => None,
                (_, None) => {
                    Some(Finding::new(&ORACLE, &format!("the worker died, and nobody says why: {}", ending.detail)))
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use gauntlet_policy::Policy;
    use gauntlet_record::{Cause, LimitKey};
    use gauntlet_target::{EndingSeen, Outcome};

    use super::*;

    fn died(signal: Option<i32>, cause: Option<Cause>) -> Option<Finding> {
        let ending = EndingSeen { ending: Ending::WorkerDied, signal, cause, ..EndingSeen::default() };
        let answer = Answer::Outcome(Box::new(Outcome { ending, ..Outcome::default() }));
        check(&Observation::new(b"", &Policy::default(), answer))
    }

    #[test]
    fn a_fault_is_a_finding_even_if_a_limit_is_named() {
        let limit = Some(Cause::Limit(LimitKey::Memory));
        for signal in [0, 4, 6, 7, 11] {
            assert!(died(Some(signal), limit).is_some(), "signal {signal}");
        }
    }

    #[test]
    fn a_kill_for_a_named_reason_is_none_and_one_without_a_reason_is() {
        assert_eq!(died(Some(9), Some(Cause::Limit(LimitKey::Deadline))), None);
        assert_eq!(died(Some(31), Some(Cause::KilledOs)), None);
        assert!(died(Some(9), None).is_some());
        assert!(died(None, None).is_some());
    }

    #[test]
    fn a_panic_of_the_second_run_is_a_finding_too() {
        let answer = Answer::Outcome(Box::default());
        let again = Some(Answer::Panic("twice is too much".into()));
        let finding = check(&Observation { again, ..Observation::new(b"", &Policy::default(), answer) }).unwrap();
        assert_eq!(finding.message.as_str(), "the executor panicked: twice is too much");
    }
}
