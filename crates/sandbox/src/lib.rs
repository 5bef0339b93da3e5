//! The hardened executor and its jailed worker process.
//!
//! On the line from policy to report this crate is the reference target: all attacks of the corpus are proved against it, and it is
//! usable on its own. It has two placements. [`Worker`] runs a guest in a process of its own, which narrows itself before it reads the
//! guest; [`Inline`] runs it in the caller's process and says in its outcome what it cannot enforce there.
//!
//! A program that uses [`Worker`] calls [`worker_main`] at the top of its `main`, since the worker is the same executable started again;
//! or it names another executable with [`Worker::program`].
//!
//! ```no_run
//! use gauntlet_policy::Policy;
//! use gauntlet_sandbox::{Worker, worker_main};
//! use gauntlet_target::{Job, Target};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     if let Some(code) = worker_main() {
//!         std::process::exit(i32::from(code));
//!     }
//!     let policy = Policy::parse("inline", "version: 1\n").expect("a sound policy");
//!     let job = Job { guest: std::fs::read("guest.wasm")?, policy, ..Job::default() };
//!     let outcome = Worker::new().run(&job)?;
//!     println!("{}", outcome.ending.ending);
//!     Ok(())
//! }
//! ```
//!
//! Only binary wasm is executed; precompiled code, text and compressed bytes are refused. No `unsafe` is used.

mod detect;
mod disk;
mod engine;
mod execute;
mod host;
mod inline;
mod input;
mod jail;
mod limiter;
mod meter;
mod nodes;
mod output;
mod preview1;
mod preview2;
mod protections;
mod validate;
mod worker;

pub use detect::{host_memory, mechanisms};
pub use inline::Inline;
pub use preview1::FUNCTIONS as PREVIEW1_FUNCTIONS;
pub use protections::{NOT_HELD, Protections, UnknownProtection, not_held, preflight};
pub use worker::{Worker, worker_main};

/// The engine that runs the guests.
pub const ENGINE: &str = "wasmtime";
/// The engine's version, read from the lock file when this crate was built.
pub const ENGINE_VERSION: &str = env!("GAUNTLET_ENGINE_VERSION");

/// What both placements offer to attacks: worlds, proposals and abilities.
pub(crate) fn offers() -> Vec<String> {
    let features = gauntlet_policy::Feature::ALL.iter().map(|feature| feature.as_str());
    let own = ["core", "preview1", "preview2", "component", "invoke", "typed-causes"];
    own.into_iter().chain(features).map(str::to_owned).collect()
}
