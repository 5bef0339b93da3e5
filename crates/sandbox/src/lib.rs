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
mod driver;
mod engine;
mod error;
mod estimate;
mod execute;
mod explain;
mod functions;
mod guest;
mod host;
mod inline;
mod interface;
mod jail;
mod limiter;
mod manifest;
mod output;
mod placement;
mod plugin;
mod preview1;
mod preview2;
mod protections;
mod pulse;
mod runtime;
mod sandbox;
mod session;
pub mod testing;
mod typed;
mod validate;
mod warm;
mod watch;
mod worker;

pub use detect::{host_memory, mechanisms};
pub use error::{CallError, SandboxError};
pub use estimate::{Estimate, estimate};
pub use explain::{Explanation, ResourceUse, explain};
pub use functions::{DEFAULT_REENTRY, GuestEnded, HostCall, HostFault, HostFuture};
pub use gauntlet_policy::{Access, Bytes, Feature, OnDenial, Policy};
pub use gauntlet_record::LimitKey;
pub use gauntlet_target::{Outcome, Value};
pub use guest::{Guest, GuestError, MAX_GUEST_BYTES};
pub use inline::Inline;
pub use interface::{Interface, Verification, verify};
pub use manifest::{Dependency, EntryPoint, Manifest, ManifestError, Missing, Permission};
pub use placement::{Placement, worker_main};
pub use plugin::{Change, Compatibility, Difference, Plugin, PluginError};
pub use preview1::FUNCTIONS as PREVIEW1_FUNCTIONS;
pub use protections::{NOT_HELD, Protections, UnknownProtection, not_held, preflight};
pub use sandbox::{Builder, Calls, Report, Sandbox, run};
pub use session::Session;
pub use typed::{ValueError, from_value, to_value};
pub use warm::Event;
pub use worker::{Pool, PoolBuilder, PoolStatus, Worker};

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
