//! Random numbers come from a generator whose seed is a constant of the executor.

use gauntlet_policy::{Random, Span, Spanned};
use gauntlet_target::{Description, Job, Outcome, Target, TargetError};

use crate::{Kind, Mistake, worker};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "random-seed-fixed",
    sentence: "random numbers come from a generator with a fixed seed, whatever was granted",
    seen: "F22",
    kind: Kind::Wrapped(|backstops| Box::new(Fixed(worker(if backstops { &[] } else { &["jail"] })))),
};

struct Fixed(Box<dyn Target>);

impl Target for Fixed {
    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        let mut job = job.clone();
        let grants = &mut job.policy.grants;
        grants.random.value = Random::Seeded;
        grants.random_seed = Some(Spanned { value: 1, span: Span::default() });
        self.0.run(&job)
    }
}
