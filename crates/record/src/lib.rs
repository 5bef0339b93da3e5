//! What a run found, as plain versioned data; ids, verdicts, exit codes.
//!
//! This crate is the waist of Gauntlet: the runner, the linter and the fuzzer end in a [`Record`], and every report format is a
//! function of one. It knows nothing of policies, engines or formats, and nothing of them is needed to read a saved record.
//!
//! ```
//! use gauntlet_record::{Record, Verdict};
//!
//! let record: Record = gauntlet_record::example();
//! assert_eq!(record.count(Verdict::Breached), 1);
//! assert_eq!(record.exit_code(), gauntlet_record::exit::BREACH);
//! ```

mod check;
mod event;
mod example;
pub mod exit;
mod finding;
mod guarantee;
mod json;
mod record;
mod shared;
mod text;
mod trial;
mod words;

pub use check::{Fault, faults};
pub use event::{Event, EventError, read_events};
pub use example::example;
pub use finding::{Category, Confidence, Finding, Location, Severity};
pub use guarantee::{Guarantee, Proof, guarantees};
pub use json::{write_json, write_lines};
pub use record::{
    Backstopped, CaughtBy, CorpusInfo, Host, Mechanism, Mutation, MutationScore, Part, PlannedTrial, PolicyInfo,
    PolicyValue, ReadError, Record, SCHEMA, Shard, TargetInfo, Tool, digest, json_schema, parse, read,
};
pub use shared::{Lists, Shared};
pub use text::{GuestText, MAX_NAME_BYTES, MAX_TEXT_BYTES, is_printable};
pub use trial::{
    Closeness, Confinement, Denial, EndingInfo, Granted, Guest, Known, Measured, Origin, Role, Run, Trial, Usage,
    ValueInForce, Why,
};
pub use words::{Cause, DenialKind, Ending, Grant, Layer, LimitKey, Unit, UnknownWord, Verdict};
