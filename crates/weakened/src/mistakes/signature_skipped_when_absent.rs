//! A signature is checked where there is one; a module without one is run.

use gauntlet_target::{Description, Job, Outcome, Target, TargetError};

use crate::{Kind, Mistake, worker};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "signature-skipped-when-absent",
    sentence: "a signature is checked where there is one, and a module without one is run",
    seen: "F36",
    kind: Kind::Wrapped(|backstops| Box::new(Lenient(worker(if backstops { &[] } else { &["jail"] })))),
};

struct Lenient(Box<dyn Target>);

impl Target for Lenient {
    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        let mut job = job.clone();
        if job.signature.is_none() && !carries_signature(&job.guest) {
            job.policy.modules.signed_by.clear();
        }
        self.0.run(&job)
    }
}

/// Whether a module has a section for signatures, wherever it stands.
pub(super) fn carries_signature(guest: &[u8]) -> bool {
    wasmparser::Parser::new(0)
        .parse_all(guest)
        .map_while(Result::ok)
        .any(|part| matches!(part, wasmparser::Payload::CustomSection(section) if section.name() == "signature"))
}
