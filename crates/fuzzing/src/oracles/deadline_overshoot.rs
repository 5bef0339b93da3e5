//! A run is over soon after its deadline.
//!
//! How soon depends on the machine, and on how busy it is: what this oracle asks is that a deadline ends a run at all and not much later.
//! The grace is so large that a loaded machine does not meet it; a guest that is never ended is seen by the driver's watchdog.

use std::time::Duration;

use gauntlet_record::LimitKey;

use super::{Check, Finding, Oracle};
use crate::Observation;

pub(super) const ORACLE: Oracle = Oracle {
    id: "deadline-overshoot",
    property: "a run is over within three times its deadline and five seconds",
    check: Check::Job(check),
};

/// What a run may take beyond three times its deadline.
const GRACE: Duration = Duration::from_secs(5);

/// The time after which a run counts as not ended by its deadline.
pub(crate) fn bound(deadline: u64) -> Duration {
    Duration::from_nanos(deadline).saturating_mul(3).saturating_add(GRACE)
}

fn check(observation: &Observation<'_>) -> Option<Finding> {
    let took = observation.took?;
    let deadline = observation.policy.limits.resolve(LimitKey::Deadline, 0)?;
    (took > bound(deadline)).then(|| {
        let show = LimitKey::Deadline.unit().show(deadline);
        Finding::new(&ORACLE, &format!("took {} ms under a deadline of {show}", took.as_millis()))
    })
}

#[cfg(test)]
mod tests {
    use gauntlet_policy::Policy;

    use super::*;
    use crate::Answer;

    #[test]
    fn only_much_too_late_is_a_finding() {
        let policy = Policy::parse("p", "version: 1\nlimits: { deadline: 1s }\n").unwrap();
        let took = |seconds| {
            let answer = Answer::Outcome(Box::default());
            let seen =
                Observation { took: Some(Duration::from_secs(seconds)), ..Observation::new(b"", &policy, answer) };
            check(&seen).is_some()
        };
        assert!(!took(2) && !took(8) && took(9));
    }
}
