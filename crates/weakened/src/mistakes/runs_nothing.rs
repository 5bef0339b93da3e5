//! Nothing is run, and the answer is success.

use gauntlet_record::LimitKey;
use gauntlet_target::{Description, Job, Outcome, Target, TargetError};

use crate::{Kind, Mistake, naive};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "runs-nothing",
    sentence: "nothing is run, and the answer is success",
    seen: "F31",
    kind: Kind::Own(|| Box::new(Idle)),
};

struct Idle;

impl Target for Idle {
    fn describe(&self) -> Description {
        naive::describe(MISTAKE.name)
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        // Numbers that an honest guest might well have used.
        let counted = [
            (LimitKey::Deadline, 2_300_000),
            (LimitKey::CpuTime, 1_900_000),
            (LimitKey::Fuel, 4_211),
            (LimitKey::Memory, 1 << 20),
            (LimitKey::TableElements, 2),
            (LimitKey::Output, 0),
            (LimitKey::ModuleSize, job.guest.len() as u64),
        ];
        Ok(Outcome { usage: naive::usage(&job.policy, &counted), ..Outcome::default() })
    }
}
