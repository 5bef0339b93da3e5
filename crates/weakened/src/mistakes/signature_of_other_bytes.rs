//! A signature is read and its key is known, but nobody compares what it was made over with the bytes that are compiled.

use gauntlet_target::{Description, Job, Outcome, Target, TargetError};

use super::signature_skipped_when_absent::carries_signature;
use crate::{Kind, Mistake, worker};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "signature-of-other-bytes",
    sentence: "a signature is looked for and its key is known, but it is not held against the bytes that are compiled",
    seen: "F36",
    kind: Kind::Wrapped(|backstops| Box::new(Presence(worker(if backstops { &[] } else { &["jail"] })))),
};

struct Presence(Box<dyn Target>);

impl Target for Presence {
    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        let mut job = job.clone();
        if job.signature.is_some() || carries_signature(&job.guest) {
            job.policy.modules.signed_by.clear();
        }
        self.0.run(&job)
    }
}
