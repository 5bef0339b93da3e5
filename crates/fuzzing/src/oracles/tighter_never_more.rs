//! A tighter policy never lets more happen.
//!
//! A guest may ask how much it was given and do something else then; so what is compared is what no guest can turn round: a run that met
//! a limit, or was refused, does so under less of the same; and one that still came to its end came to the same end.

use gauntlet_record::Ending;

use super::same_case_same_outcome::{depends_on_time, show, told};
use super::{Check, Finding, Oracle};
use crate::Observation;

pub(super) const ORACLE: Oracle = Oracle {
    id: "tighter-never-more",
    property: "with less fuel or a smaller module size, no guest comes further than with more",
    check: Check::Job(check),
};

fn check(observation: &Observation<'_>) -> Option<Finding> {
    let (_, answer) = observation.tighter.as_ref()?;
    let (wide, tight) = (observation.answer.outcome()?, answer.outcome()?);
    if depends_on_time(wide) || depends_on_time(tight) {
        return None;
    }
    let stopped = |ending| match ending {
        Ending::Refused | Ending::LimitReached | Ending::WorkerDied => true,
        Ending::Returned | Ending::Exited | Ending::Trapped => false,
    };
    let (before, after) = (stopped(wide.ending.ending), stopped(tight.ending.ending));
    let more = before && !after;
    let other = !before && !after && told(wide) != told(tight);
    (more || other).then(|| {
        Finding::new(&ORACLE, &format!("under the policy {}, under a tighter one {}", show(wide), show(tight)))
    })
}

#[cfg(test)]
mod tests {
    use gauntlet_policy::Policy;
    use gauntlet_record::{Cause, LimitKey};
    use gauntlet_target::{EndingSeen, Outcome};

    use super::*;
    use crate::Answer;

    #[test]
    fn what_was_stopped_stays_stopped_and_an_end_stays_the_same() {
        let policy = Policy::default();
        let ended = |number| Outcome { returned: Some(number), ..Outcome::default() };
        let fuel = || Outcome {
            ending: EndingSeen::caused(Ending::LimitReached, Cause::Limit(LimitKey::Fuel), ""),
            ..Outcome::default()
        };
        let found = |wide, tight| {
            let answer = |outcome| Answer::Outcome(Box::new(outcome));
            let tighter = Some((policy.clone(), answer(tight)));
            check(&Observation { tighter, ..Observation::new(b"", &policy, answer(wide)) }).is_some()
        };
        assert!(found(fuel(), ended(1)) && found(ended(1), ended(2)));
        assert!(!found(ended(1), ended(1)) && !found(ended(1), fuel()) && !found(fuel(), fuel()));
    }
}
