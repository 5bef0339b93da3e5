//! The parent of a granted directory is preopened under the name of the grant.

use std::path::Path;

use gauntlet_target::{Description, Job, Outcome, Target, TargetError};

use crate::{Kind, Mistake, worker};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "parent-of-grant-preopened",
    sentence: "the parent of a granted directory is preopened in its place",
    seen: "F13",
    // The jail is built from the same wrong directories, as it would be in the wild: it hides nothing, and is left out all the same.
    kind: Kind::Wrapped(|backstops| Box::new(Parents(worker(if backstops { &[] } else { &["jail"] })))),
};

struct Parents(Box<dyn Target>);

impl Target for Parents {
    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        self.0.run(&widened(job))
    }
}

fn widened(job: &Job) -> Job {
    let mut job = job.clone();
    for grant in &mut job.policy.grants.filesystem {
        if let Some(parent) = Path::new(&grant.host.value).parent().and_then(Path::to_str) {
            grant.host.value = parent.to_owned();
        }
    }
    job
}

#[cfg(test)]
mod tests {
    use gauntlet_policy::Policy;

    use super::*;

    #[test]
    fn every_grant_names_its_parent() {
        let text = "version: 1\ngrants: { filesystem: [{ host: /srv/data/in, guest: /in, access: read-only }] }\n";
        let job = widened(&Job { policy: Policy::parse("t", text).unwrap(), ..Job::default() });
        assert_eq!(job.policy.grants.filesystem[0].host.value, "/srv/data");
        assert_eq!(job.policy.grants.filesystem[0].guest.value, "/in");
    }
}
