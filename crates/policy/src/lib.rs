//! Policy in YAML to typed limits and grants, with spans and units.
//!
//! The first station on the line: the executor, the linter, the corpus and the runner all read policies through this crate, so that no two
//! of them can disagree about what a file says. There is one reader, [`document::parse`]; it keeps the spelling and the place of every
//! scalar, and [`Policy::parse`] lists all structural faults of a file at once. A policy may extend a preset or a file beside it; what
//! holds in the end, and where each value comes from, [`Policy::effective`] tells. Editors complete policies by [`json_schema`].
//!
//! ```
//! use gauntlet_policy::{Limit, Policy};
//!
//! let policy = Policy::parse("sandbox.yaml", "version: 1\nlimits: { memory: 64MiB }\n").expect("a sound policy");
//! assert!(matches!(policy.limits.memory, Limit::At(bytes, _) if bytes.get() == 64 << 20));
//!
//! let faults = Policy::parse("sandbox.yaml", "version: 1\nlimits: { memroy: 64MiB }\n").unwrap_err();
//! assert_eq!(faults[0].rule, "unknown-key");
//! assert!(faults[0].fix.contains("memory"));
//! ```

mod decode;
pub mod document;
mod effective;
mod extends;
mod file;
mod key;
mod keys;
mod merge;
mod model;
mod overlay;
mod parse;
mod quantity;
mod reader;
mod reference;
mod render;
mod schema;

pub use document::{Fault, Span, Spanned};
pub use effective::{Effective, EffectiveLine, Source};
pub use extends::Base;
pub use file::{LoadError, MAX_POLICY_BYTES, load, read_limited};
pub use key::PublicKey;
pub use model::{
    Access, Audit, Detail, Feature, Features, FileGrant, Grants, Isolation, Limit, Limits, Modules, NetworkGrant,
    OnDenial, PerTenant, Policy, Random, Requirement, Scope, Stdin, User, Variable, Waiver,
};
pub use overlay::Overlay;
pub use quantity::{Bytes, Count, Fuel, Nanos, Quantity, QuantityError, parse_quantity};
pub use reader::{Reader, nearest};
pub use reference::reference;
pub use render::{quoted, readable};
pub use schema::json_schema;
