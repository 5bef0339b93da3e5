//! Whole runs through the public interface, in the caller's process.
#![expect(clippy::unwrap_used, reason = "tests")]

mod call_depth;
mod determinism;
mod errors;
mod modules;
mod sizes;
mod traces;

use gauntlet_policy::Policy;
use gauntlet_record::LimitKey;
use gauntlet_sandbox::Inline;
use gauntlet_target::{Job, Outcome, Target as _};

/// Runs a guest under a policy.
fn run(guest: &str, policy: &str) -> Outcome {
    Inline::new().run(&job(guest, policy)).unwrap()
}

fn job(guest: &str, policy: &str) -> Job {
    let policy = Policy::parse("t", policy).unwrap_or_else(|faults| panic!("{faults:?}"));
    Job { guest: wat::parse_str(guest).unwrap(), policy, ..Job::default() }
}

fn used(outcome: &Outcome, limit: LimitKey) -> Option<u64> {
    outcome.usage.iter().find(|usage| usage.limit == limit).and_then(|usage| usage.used)
}
