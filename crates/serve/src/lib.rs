//! Code runner over HTTP: programs in, output out, each run in the hardened executor.
//!
//! This crate stands at the end of the line: it uses `gauntlet-sandbox` as any embedder would, and adds what a service needs around it:
//! keys, tenants and quotas, rates, a bounded queue, an audit log, a page.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use gauntlet_policy::Policy;
//! use gauntlet_serve::{AllLanguages, Server, Settings, Wasm};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // Runs happen in workers, which are this program started again.
//!     if let Some(code) = gauntlet_sandbox::worker_main() {
//!         std::process::exit(i32::from(code));
//!     }
//!     let policy = Policy::parse("mine", "version: 1\n").map_err(|faults| format!("{faults:?}"))?;
//!     let server = Server::open(Settings::new("./data", policy), Arc::new(AllLanguages::default().and(Wasm)))?;
//!     server.serve(std::future::pending())?;
//!     Ok(())
//! }
//! ```
//!
//! # What holds
//!
//! Whatever a client sends is an answer or a problem from a closed list ([`problem::Kind`]), as RFC 9457 has it; nothing of the host is in
//! it. A request's policy can only tighten the operator's. A run that was begun is in the audit log before anything of it was read, and its
//! end after it; a client that goes away ends its run. Without a key the service answers this machine only, by its own names, and no page of
//! another origin.

mod answer;
mod files;
mod http;
mod keys;
mod languages;
mod policy;
pub mod problem;
mod rates;
mod runs;
mod server;
mod settings;
mod store;

pub use answer::{Answer, Denied, UsageLine};
pub use http::document as openapi;
pub use keys::{Scope, Token, UnknownScope};
pub use languages::{AllLanguages, FILES, Language, LanguageError, Languages, Prepared, Program, Wasm};
pub use policy::tightened;
pub use server::{Server, StartError};
pub use settings::{Limits, Settings};
pub use store::{Key, Location, MAX_NAME, Reservation, Store, StoreError, Tenant, Usage, Used};
