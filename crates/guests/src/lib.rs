//! Language guests: source code to jobs for a sandbox.
//!
//! Stands before the target on the line from policy to report: who has Python, JavaScript, C, Rust or WebAssembly text asks for a
//! [`Prepared`] job here and gives it to any [`Target`](gauntlet_target::Target). Interpreters are guests like any other: they are built
//! once, by `gauntlet guests build`, from packages whose versions and digests are pinned in `languages/*.yaml`, and lie in a cache
//! directory with a manifest. Nothing is built or fetched unless it is asked for.
//!
//! ```no_run
//! use gauntlet_guests::{Guests, Source};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let guests = Guests::open(gauntlet_guests::default_cache().ok_or("no home")?)?;
//! let policy = gauntlet_policy::Policy::default();
//! let prepared = guests.job("python", &Source::new("print(6 * 7)"), &policy)?;
//! // `prepared.job` is for a target; what it was given of files lives as long as `prepared`.
//! # Ok(())
//! # }
//! ```

mod build;
mod cache;
mod compile;
mod language;
mod manifest;
mod source;

pub use build::BuildError;
pub use cache::{Guests, GuestsError, default_cache};
pub use language::{Kind, Language, Package, UnknownLanguage};
pub use source::{FILES, Prepared, Source, SourceFile};
