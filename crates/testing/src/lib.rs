#![doc = include_str!("../README.md")]
#![deny(rustdoc::broken_intra_doc_links, rustdoc::private_intra_doc_links)]

mod finding;
mod message;
mod suite;
mod terms;

use std::process::ExitCode;

pub use gauntlet_policy::{Access, Feature, Policy};
pub use gauntlet_record::{Cause, DenialKind, Ending, LimitKey};
pub use gauntlet_target::{DenialSeen, Description, EndingSeen, Job, Outcome, Target, TargetError};
pub use suite::{Suite, SuiteError};
pub use terms::{Directory, Terms};

/// All of the corpus against a sandbox, under the policy `strict`: the whole `main` of a test with `harness = false`.
///
/// The exit code is 0 when no test failed, 101 when one did, and 2 when the tests cannot be run.
#[must_use]
pub fn main(sandbox: impl Target + 'static) -> ExitCode {
    Suite::new(sandbox).main()
}
