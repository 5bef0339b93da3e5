//! The clock that ends a run is ten times too slow, and the time that is reported is the limit.

use gauntlet_policy::Limit;
use gauntlet_record::LimitKey;
use gauntlet_target::{Description, Job, Outcome, Target, TargetError};

use crate::{Kind, Mistake, worker};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "elapsed-reported-as-limit",
    sentence: "a deadline comes late, and the time that is reported is the limit and not what it took",
    seen: "F34",
    kind: Kind::Wrapped(|backstops| {
        Box::new(Late(worker(if backstops { &[] } else { &["jail", "cpu-time", "fuel"] })))
    }),
};

struct Late(Box<dyn Target>);

impl Target for Late {
    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        let mut late = job.clone();
        let Limit::At(deadline, span) = job.policy.limits.get(LimitKey::Deadline) else { return self.0.run(job) };
        late.policy.limits.set(LimitKey::Deadline, Limit::At(deadline.saturating_mul(TIMES), span));
        let mut outcome = self.0.run(&late)?;
        for usage in outcome.usage.iter_mut().filter(|usage| usage.limit == LimitKey::Deadline) {
            usage.used = usage.used.map(|used| used.min(deadline));
            usage.cap = Some(deadline);
        }
        Ok(outcome)
    }
}

/// How much later the deadline comes.
const TIMES: u64 = 10;
