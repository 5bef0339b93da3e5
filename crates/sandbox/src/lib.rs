//! The hardened executor and its jailed worker process.
//!
//! On the line from policy to report this crate is the reference target: all attacks of the corpus are proved against it, and it is
//! usable on its own. The shortest use is one call; it takes the strict policy and a jailed worker:
//!
//! ```no_run
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // The worker is this program started again, so `main` begins by becoming one.
//!     if let Some(code) = gauntlet_sandbox::worker_main() {
//!         std::process::exit(i32::from(code));
//!     }
//!     let sum: i32 = gauntlet_sandbox::run("add.wasm", "add", (5, 3))?;
//!     assert_eq!(sum, 8);
//!     Ok(())
//! }
//! ```
//!
//! For more than one call, or for another policy, build a [`Sandbox`]. The builder writes a policy, and the policy is read again like a
//! file, so that builder and file cannot disagree; [`Builder::policy_file`] begins with a file, [`Sandbox::policy`] shows what is in force.
//!
//! ```
//! use std::time::Duration;
//!
//! use gauntlet_sandbox::{Bytes, Guest, Placement, Sandbox};
//!
//! let guest = Guest::new(wat::parse_str(
//!     r#"(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))"#,
//! )?);
//! let sandbox = Sandbox::builder()
//!     .placement(Placement::Inline)
//!     .memory(Bytes::mib(64))
//!     .deadline(Duration::from_secs(2))
//!     .fuel(10_000_000)
//!     .build()?;
//! let sum: u32 = sandbox.call(&guest, "add", (5, 3))?;
//! assert_eq!(sum, 8);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where guests run
//!
//! | [`Placement`] | What stands between the guest and the host | What it costs |
//! |---|---|---|
//! | [`Placement::Worker`], the default | the engine, and a process that narrowed itself before it read the guest | milliseconds a run |
//! | [`Placement::Inline`] | the engine alone, in the caller's process | microseconds a run, once the guest is compiled |
//!
//! Guests that nobody trusts belong in workers: an engine has bugs, and a compilation in one's own process cannot be ended. In the
//! caller's process, a module whose estimated cost is beyond the policy's compile budget is refused, and what only a process of its own
//! can hold is said in the outcome's confinement.
//!
//! # What there is
//!
//! | You want | You use |
//! |---|---|
//! | one function, once | [`run`] |
//! | many functions under one policy | [`Sandbox::call`], [`Sandbox::call_async`] under any executor |
//! | a program: `_start` or `wasi:cli/run` | [`Sandbox::run`], whose [`Outcome`] says how it ended |
//! | workers kept warm, and how many | [`Builder::pool`]; [`Pool`] by itself for several policies and tenants |
//! | output as it comes, and to end a run | [`Pool::run_live`] with a [`Live`] |
//! | a large guest compiled once | [`Builder::cache_dir`] |
//! | state between calls | [`Sandbox::session`]: each call has a deadline and fuel of its own |
//! | the same function over many inputs | [`Sandbox::call_many`], [`Sandbox::calls`] |
//! | values whose types are not known before | [`Sandbox::call_values`] with [`Value`] |
//! | functions of your own for the guest | [`Builder::host_function`], [`Builder::host_function_async`] |
//! | to hear what happens | [`Builder::on_event`] |
//! | to look before running | [`verify`], [`Sandbox::verify`], [`estimate()`] |
//! | plugins with manifests, and reloading them | [`Manifest`], [`Plugin`] |
//! | to test a guest or a policy | [`testing`] |
//! | to know why something was denied | [`explain()`]; errors carry it already |
//!
//! # Typed values
//!
//! Arguments and results go through serde. A tuple is one argument an item, `()` none; anything else is the only argument. Core functions
//! take numbers, where an `i32` or `i64` is read with the sign that the caller's type has. Functions of components take all of the
//! component model: structs are records, enums variants or enums, `Vec` a list, `Option` an option, `Result` a result; flags are a struct
//! of `bool`s or a list of names. Names meet without regard to case, `_` and `-`. A number that does not fit is an error that names the
//! place, never a cut number.
//!
//! # What holds
//!
//! The deadline runs from the first byte to the result and covers all of the guest's code: start functions, the allocator that the host
//! calls, what runs after a return, destructors. A loop ends within a tick of 1 ms; an operation over a whole memory is not cut in
//! between and adds up to 0.4 ms for each MiB of the memory limit. CPU time in the caller's process is that of the threads that run the
//! guest, each run apart. A deadline of hours costs what one of seconds does: nothing grows with time. Threads and processes of the
//! guest's own are always denied.
//!
//! Instances never share memory: a pooled one is cleaned before it is used again. Compiled guests are kept by the digest of their bytes,
//! within one [`Sandbox`], at most 64 of them; sandboxes share nothing, so that tenants with a sandbox each cannot tell by timing what
//! the others run. Dropping a future ends its run: the instance is gone, or the worker is killed.
//! Whoever runs guests of several tenants, or has to say later what ran, wraps a placement in [`watch::Watched`]: audit log, security
//! events, alerts, budgets over time, metrics and `tracing` from one value. [`queue::Queue`] shares a few lanes between tenants fairly;
//! a [`Pool`] has one of its own, and [`watch::Watched::queue`] lets runs wait before they are booked and logged.
//!
//! Only binary wasm is executed; precompiled code, text and compressed bytes are refused. No `unsafe` is used.
//!
//! The guide is in [`docs`]: embedding step by step, every limit with its bound, the jail, the threat model, tuning, troubleshooting.

#![deny(rustdoc::broken_intra_doc_links, rustdoc::private_intra_doc_links)]

pub mod alerts;
pub mod audit;
mod calibrate;
mod call_depth;
pub mod clock;
mod deny;
mod detect;
mod determinism;
mod disk;
pub mod docs;
mod driver;
mod engine;
mod error;
mod estimate;
pub mod events;
mod execute;
mod explain;
mod functions;
mod guest;
mod host;
mod inline;
mod input;
mod interface;
mod jail;
mod limiter;
mod live;
mod manifest;
mod meter;
pub mod metrics;
mod nodes;
mod output;
mod placement;
mod places;
mod plugin;
mod preview1;
mod preview2;
#[cfg(feature = "probes")]
mod probe;
mod profile;
mod protections;
mod pulse;
pub mod queue;
mod runtime;
mod sandbox;
mod session;
mod signatures;
mod stopwatch;
pub mod tenants;
pub mod testing;
pub mod threat;
mod timeline;
mod typed;
mod validate;
mod warm;
pub mod watch;
pub mod webhook;
mod window;
mod worker;

pub use calibrate::{CalibrateError, Calibration, MixRate, calibrate};
pub use deny::{Denied, DenyList, DenyListError};
pub use detect::{host_memory, mechanisms};
pub use determinism::{EPOCH as DETERMINISTIC_EPOCH, SEED as DETERMINISTIC_SEED};
pub use error::{CallError, SandboxError};
pub use estimate::{Estimate, estimate};
pub use explain::{Explanation, ResourceUse, explain};
pub use functions::{DEFAULT_REENTRY, GuestEnded, HostCall, HostFault, HostFuture};
pub use gauntlet_inspect::{Change, Compatibility, Difference, Interface};
pub use gauntlet_policy::{Access, Bytes, Fault, Feature, OnDenial, Policy};
pub use gauntlet_record::{Cause, Ending, Granted, LimitKey, Usage};
pub use gauntlet_target::{Job, Outcome, Target, TargetError, Value};
pub use guest::{Guest, GuestError, MAX_GUEST_BYTES};
pub use inline::Inline;
pub use interface::{Verification, verify};
pub use live::{Live, Output};
pub use manifest::{Dependency, EntryPoint, Manifest, ManifestError, Missing, Permission};
pub use placement::{Placement, worker_main};
pub use plugin::{Plugin, PluginError};
pub use preview1::FUNCTIONS as PREVIEW1_FUNCTIONS;
#[cfg(feature = "probes")]
pub use probe::{Attempt, Probe, ProbeWorld};
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
    let own = [
        "core",
        "preview1",
        "preview2",
        "component",
        "invoke",
        "typed-causes",
        "call-depth",
        "deterministic",
        "signatures",
    ];
    own.into_iter().chain(features).map(str::to_owned).collect()
}
