//! A limit of zero is read as no limit, as many settings read it.

use gauntlet_policy::Limit;
use gauntlet_record::LimitKey;
use gauntlet_target::{Description, Job, Outcome, Target, TargetError};

use crate::{Kind, Mistake, worker};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "zero-is-no-limit",
    sentence: "a limit of zero is read as no limit",
    seen: "F29",
    kind: Kind::Wrapped(|backstops| Box::new(Unset(worker(if backstops { &[] } else { &["jail"] })))),
};

struct Unset(Box<dyn Target>);

impl Target for Unset {
    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        self.0.run(&opened(job))
    }
}

fn opened(job: &Job) -> Job {
    let mut job = job.clone();
    for key in LimitKey::ALL {
        if let Limit::At(0, span) = job.policy.limits.get(*key) {
            job.policy.limits.set(*key, Limit::Unlimited(span));
        }
    }
    job
}

#[cfg(test)]
mod tests {
    use gauntlet_policy::Policy;

    use super::*;

    #[test]
    fn only_a_zero_becomes_unlimited() {
        let policy = Policy::parse("t", "version: 1\nlimits: { files: 0, disk: 1MiB }\n").unwrap();
        let job = opened(&Job { policy, ..Job::default() });
        assert!(matches!(job.policy.limits.get(LimitKey::Files), Limit::Unlimited(_)));
        assert!(matches!(job.policy.limits.get(LimitKey::Disk), Limit::At(1_048_576, _)));
    }
}
