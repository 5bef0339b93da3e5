//! A guest's misdeed is an outcome with a typed reason, never an error of the executor.

use gauntlet_record::{Cause, Ending};

use super::{Check, Finding, Oracle, is_setup};
use crate::{Answer, Observation};

pub(super) const ORACLE: Oracle = Oracle {
    id: "typed-outcome",
    property: "every guest comes to an outcome, and one that was refused or cut off to a typed reason",
    check: Check::Job(check),
};

fn check(observation: &Observation<'_>) -> Option<Finding> {
    observation.answers().find_map(|answer| match answer {
        Answer::Panic(_) => None,
        Answer::Error(error) if is_setup(error) => None,
        Answer::Error(error) => Some(Finding::new(&ORACLE, &format!("the executor failed: {error}"))),
        Answer::Outcome(outcome) => {
            let ending = &outcome.ending;
            let wrong = match (ending.ending, ending.cause) {
                (Ending::Refused, None) => "refused without a reason",
                (Ending::LimitReached, Some(Cause::Limit(_) | Cause::KilledParent | Cause::KilledOs)) => return None,
                (Ending::LimitReached, _) => "cut off by a limit that is not named",
                (Ending::Returned | Ending::Exited | Ending::Trapped | Ending::Refused | Ending::WorkerDied, _) => {
                    return None;
                }
            };
            Some(Finding::new(&ORACLE, &format!("{wrong}: {}", ending.detail)))
        }
    })
}

#[cfg(test)]
mod tests {
    use gauntlet_policy::Policy;
    use gauntlet_record::LimitKey;
    use gauntlet_target::{EndingSeen, Outcome, TargetError};

    use super::*;

    fn of(answer: Answer) -> Option<Finding> {
        check(&Observation::new(b"", &Policy::default(), answer))
    }

    fn ended(ending: Ending, cause: Option<Cause>) -> Option<Finding> {
        let ending = EndingSeen { ending, cause, ..EndingSeen::default() };
        of(Answer::Outcome(Box::new(Outcome { ending, ..Outcome::default() })))
    }

    #[test]
    fn an_error_is_a_finding_unless_it_is_about_the_host() {
        assert!(of(Answer::Error(TargetError::Protocol("half an answer".into()))).is_some());
        assert_eq!(of(Answer::Error(TargetError::Unconfined { mechanism: "seccomp".into(), why: "no".into() })), None);
    }

    #[test]
    fn a_refusal_and_a_limit_have_a_name() {
        assert!(ended(Ending::Refused, None).is_some());
        assert!(ended(Ending::LimitReached, None).is_some());
        assert!(ended(Ending::LimitReached, Some(Cause::NoEffect)).is_some());
        assert_eq!(ended(Ending::Refused, Some(Cause::RefusedModule)), None);
        assert_eq!(ended(Ending::LimitReached, Some(Cause::Limit(LimitKey::Fuel))), None);
        assert_eq!(ended(Ending::Trapped, None), None);
    }
}
