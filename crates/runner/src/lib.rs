//! Plans trials, runs controls, measures the world, judges.
//!
//! The middle of the line: it takes attacks and a policy, runs each attack three times on each target (under the policy, with the
//! protection under test lifted, and as its benign twin) and hands trials to the record. It knows targets by the trait only, and believes
//! nothing that a target says about itself: every verdict rests on what was measured from outside.
//!
//! # How it fits together
//!
//! The program that runs a plan starts one *supervisor* process for each run: itself, with a hidden command. So a program that uses this
//! crate does two things.
//!
//! - Where the plan is run: make a [`Plan`] and a [`Launcher`], call [`run`], and write what it reports to an [`Output`]. The trials come
//!   back in corpus order. [`selftest`] runs the same attacks against executors that are broken on purpose.
//! - In the hidden command: call [`serve`] with the file that the runner gives as the last argument, a function that makes a target of a
//!   [`TargetChoice`], and one that finds raw payloads in reports.
//!
//! A sandbox that runs guests in its caller's process is wrapped in a [`Child`], so that its crash is a verdict; [`perform`] is what that
//! child does. [`Single`] runs trials one at a time, for programs with a queue of their own.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use gauntlet_runner::{Launcher, Options, Plan, Progress, run};
//!
//! // Nothing selected, nothing run: whoever calls this decides that it is not a pass.
//! let plan = Plan { attacks: vec![], targets: vec![], reference: None, policy: Default::default(), options: Options::default() };
//! let launcher = Launcher { program: "gauntlet".into(), args: vec!["trial".into()] };
//! let mut seen = |progress: Progress<'_>| if let Progress::Finished { trial } = progress { eprintln!("{}", trial.attack) };
//! assert!(run(&plan, &launcher, &mut seen, &AtomicBool::new(false))?.is_empty());
//! # Ok::<(), gauntlet_runner::RunError>(())
//! ```
//!
//! # What an overlay may name
//!
//! The grants of an attack's `policy:` and of its live control are fixtures: `host` is a folder of the trial's world (`granted`,
//! `readonly`, `planted`, `outside`, or `.` for the world itself), `connect: listener` is the watched listener and `connect: granted`
//! one that may be reached, and `$CANARY` in a variable or an argument is the run's canary.

mod canary;
mod child;
mod judge;
mod lanes;
mod layers;
mod listeners;
mod measure;
mod obtains;
mod plan;
mod probes;
mod process;
mod run;
mod scratch;
mod selftest;
mod single;
mod snapshot;
mod store;
mod tree;
mod trial;
mod world;

pub use child::{Child, perform};
pub use judge::{Evidence, Judgement, judge};
pub use lanes::Launcher;
pub use layers::{Depth, LIFTED_LAYERS, WithoutLayer, layers, protections_of};
pub use measure::Calibration;
pub use obtains::{injection_name, obtained};
pub use plan::{KnownGap, Options, Plan, TargetPlan};
pub use probes::{ProbeCase, Probed, probe_id, probe_trial};
pub use process::{Sample, sample};
pub use run::{Progress, RunError, run};
pub use scratch::{Scratch, ScratchError};
pub use selftest::{Mistake, WrongJudge, selftest};
pub use single::Single;
pub use store::{EVENTS, Output, OutputError, RECORD, note_in_marker, write_atomically, write_atomically_with};
pub use trial::{FixtureCounts, MakeTarget, Payloads, SuperviseError, TargetChoice, TrialSpec, serve, supervise};
