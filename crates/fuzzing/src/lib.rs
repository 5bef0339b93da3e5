//! Generators, oracles, driver.
//!
//! A generator makes a guest from bytes and a policy, a target runs it, and oracles say what of its answer no sandbox should give. The
//! same pairs run under cargo-fuzz, in the [`Driver`] on a stable compiler, and in tests. What is kept of a crash is the wasm and the
//! policy, never only the seed: a seed means something else as soon as the generator changes.
//!
//! ```
//! use gauntlet_fuzzing::{Driver, ORACLES, Until};
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
//! let driver = Driver { target: &Careless, policy: &policy, seed: 1, oracles: ORACLES };
//! let report = driver.run(Until::Cases(1), &mut |_| ());
//! assert_eq!(report.crashes[0].oracle, "typed-outcome");
//! ```

mod crash;
mod driver;
pub mod generators;
mod judge;
mod oracles;
mod random;
pub mod sequences;

pub use crash::Crash;
pub use driver::{Driver, Report, Stats, Until};
pub use judge::{Answer, Input, Judged, Observation, judge};
pub use oracles::{Finding, ORACLES, Oracle};

/// A policy for fuzzing an executor inside this process: nothing granted, small limits so that no case takes long, and no jail asked for.
///
/// Fuel ends a loop long before the deadline does, so that the same case ends the same way on a busy machine.
pub const POLICY: &str = "\
version: 1
limits: { deadline: 5s, cpu-time: 5s, fuel: 1_000_000, memory: 16MiB, table-elements: 10_000, stack: 256KiB, output: 64KiB }
isolation: { process: off, seccomp: off, landlock: off, namespaces: off, cgroup: off, user: caller }
";
