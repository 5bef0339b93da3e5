//! Generators, oracles, driver.
//!
//! A [`Pair`] makes a [`Case`] from bytes and a policy, runs it on a [`Bench`], and oracles say what of it no sandbox should give. The same
//! pairs run under cargo-fuzz, in the [`Driver`] on a stable compiler, and in tests. What is kept of a finding is the guest, the policy and
//! what was done in lines, never only the seed: a seed means something else as soon as the generator changes.
//!
//! ```
//! use gauntlet_corpus::Corpus;
//! use gauntlet_fuzzing::{Bench, Case, Depth, pair};
//! use gauntlet_policy::Policy;
//! use gauntlet_target::{Description, Job, Outcome, Target, TargetError};
//!
//! struct Careless;
//!
//! impl Target for Careless {
//!     fn describe(&self) -> Description {
//!         Description { name: "careless".into(), engine: "none".into(), version: "0".into(), offers: vec!["core".into()] }
//!     }
//!     fn run(&self, _: &Job) -> Result<Outcome, TargetError> {
//!         Err(TargetError::Protocol("something went wrong".into()))
//!     }
//! }
//!
//! let policy = Policy::parse("fuzz", gauntlet_fuzzing::POLICY).expect("the policy for fuzzing is sound");
//! let bench = Bench {
//!     target: &Careless,
//!     elsewhere: None,
//!     policy: &policy,
//!     corpus: &Corpus::default(),
//!     policies: &[],
//!     loads: &|_| Ok(()),
//!     judge: |evidence| evidence.judge().verdict,
//!     sequences: &|_, _| Default::default(),
//!     sequences_a_case: 1,
//!     escape: |bytes| gauntlet_record::GuestText::new(bytes, 2048),
//! };
//! let limits = pair("limits").expect("it is in the list");
//! let case = Case { wasm: Vec::new(), policy: policy.text.clone(), calls: vec!["loop 3".into()] };
//! let ran = (limits.run)(&bench, &case, Depth::Cheap);
//! assert_eq!(ran.findings[0].oracle, "typed-outcome");
//! ```

mod case;
mod driver;
pub mod generators;
mod minimize;
mod observe;
pub mod oracles;
pub mod pairs;
mod program;
mod promote;
mod random;
mod second;
pub mod sequences;
mod store;

pub use case::{Case, ENVELOPE, GENERATOR};
pub use driver::{Driver, DriverError, Figure, Stage, Stats, Until, Watch, case, case_of_bytes};
pub use minimize::{Effort, minimize};
pub use observe::{Answer, Expected, Observation, quietly};
pub use oracles::{Finding, ORACLES, Oracle};
pub use pairs::wasi_sequences::SequenceBench;
pub use pairs::{Bench, Bound, Counts, Depth, Health, PAIRS, Pair, Ran, pair};
pub use program::{Program, Step};
pub use promote::{PromoteError, promote};
pub use second::Second;
pub use store::{Expect, Folder, Outlook, StoreError, Stored, findings};

/// A policy for fuzzing an executor inside this process: nothing granted, small limits so that no case takes long, and no jail asked for.
///
/// Fuel ends a loop long before the deadline does, so that the same case ends the same way on a busy machine.
pub const POLICY: &str = "\
version: 1
limits: { deadline: 5s, cpu-time: 5s, fuel: 1_000_000, memory: 16MiB, table-elements: 10_000, stack: 256KiB, output: 64KiB }
isolation: { process: off, seccomp: off, landlock: off, namespaces: off, cgroup: off, user: caller }
";

/// The guest of a case whose lines are the guest; `None` where the module is its own.
#[must_use]
pub fn rebuild(pair: &str, lines: &[String]) -> Option<Vec<u8>> {
    match pair {
        "limits" => Program::read(lines.iter().map(String::as_str)).ok().map(|program| program.wasm()),
        // Cases without a guest of their own.
        "jobs" | "policies" | "reports" | "judge" | "wasi-sequences" | "wasi-sequences-without-openat2" => {
            Some(Vec::new())
        }
        _ => None,
    }
}
