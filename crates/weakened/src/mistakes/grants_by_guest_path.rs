//! What a grant allows is looked up by the guest's name for it; where two have one name, the last one speaks for both.

use gauntlet_target::{Description, Job, Outcome, Target, TargetError};

use crate::{Kind, Mistake, worker};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "grants-by-guest-path",
    sentence: "what a grant allows is looked up by the guest's name for it, so that the last of two speaks for both",
    seen: "F35",
    kind: Kind::Wrapped(|backstops| Box::new(ByName(worker(if backstops { &[] } else { &["jail"] })))),
};

struct ByName(Box<dyn Target>);

impl Target for ByName {
    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        self.0.run(&merged(job))
    }
}

fn merged(job: &Job) -> Job {
    let mut job = job.clone();
    let grants = &mut job.policy.grants.filesystem;
    let last: Vec<_> = grants
        .iter()
        .map(|grant| {
            grants.iter().rfind(|other| other.guest.value == grant.guest.value).map(|other| other.access.value)
        })
        .collect();
    for (grant, access) in grants.iter_mut().zip(last) {
        grant.access.value = access.unwrap_or(grant.access.value);
    }
    job
}

#[cfg(test)]
mod tests {
    use gauntlet_policy::{Access, Policy};

    use super::*;

    #[test]
    fn the_last_grant_of_a_name_speaks_for_all() {
        let text = "version: 1\ngrants: { filesystem: [{ host: /a, guest: /d, access: read-only }, { host: /b, guest: /d, access: read-write }, { host: /c, guest: /e, access: read-only }] }\n";
        let job = merged(&Job { policy: Policy::parse("t", text).unwrap(), ..Job::default() });
        let access: Vec<Access> = job.policy.grants.filesystem.iter().map(|grant| grant.access.value).collect();
        assert_eq!(access, [Access::ReadWrite, Access::ReadWrite, Access::ReadOnly]);
    }
}
