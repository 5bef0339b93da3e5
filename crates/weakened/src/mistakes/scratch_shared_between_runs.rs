//! Scratch is one directory of the host, which every run is given as the last one left it.

use gauntlet_policy::Access;
use gauntlet_target::{Description, Job, Outcome, Target, TargetError};

use crate::{Kind, Mistake, worker};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "scratch-shared-between-runs",
    sentence: "the scratch directory of a run is the one that the run before had, as it was left",
    seen: "F21",
    kind: Kind::Wrapped(|backstops| Box::new(Shared(worker(if backstops { &[] } else { &["jail"] })))),
};

struct Shared(Box<dyn Target>);

impl Target for Shared {
    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        if !job.policy.grants.filesystem.iter().any(|grant| grant.access.value == Access::Scratch) {
            return self.0.run(job);
        }
        let io = |source| TargetError::Io { what: "cannot make the shared directory", source };
        let shared = tempfile::tempdir().map_err(io)?;
        let mut job = job.clone();
        for grant in &mut job.policy.grants.filesystem {
            if grant.access.value == Access::Scratch {
                grant.access.value = Access::ReadWrite;
                grant.host.value = shared.path().display().to_string();
            }
        }
        // Another tenant was served the same guest just before.
        self.0.run(&job)?;
        self.0.run(&job)
    }
}
