//! Supply chain, host posture, checklist.
//!
//! Off the line from policy to report: an audit takes the [`Record`](gauntlet_record::Record) of a run, looks at what no trial can show
//! (the host, the advisories that are open for what was built from, what persons answer), and holds all of it against the checklist, the
//! claims and the frameworks of `reports/controls/`. No engine is linked here, and nothing is fetched. What is missing never speaks for
//! anything: a line whose evidence is not there needs a person.
//!
//! ```
//! use gauntlet_audit::{Controls, Inputs, Lint, Status, Supply, audit};
//!
//! let controls = Controls::embedded().expect("the embedded data");
//! let record = gauntlet_record::example();
//! let inputs = Inputs {
//!     record: &record,
//!     record_bytes: b"",
//!     lint: Lint::default(),
//!     checks: Vec::new(),
//!     supply: Supply::default(),
//!     layers: None,
//!     selftest: None,
//!     answers: Vec::new(),
//!     frameworks: vec!["soc2".into()],
//!     version: "0.1.0".into(),
//!     now: "2026-01-31T00:00:00Z".into(),
//!     command: Vec::new(),
//! };
//! let audit = audit(&controls, inputs).expect("a framework that there is");
//! assert!(audit.lines.iter().any(|line| line.status == Status::NeedsAPerson));
//! ```

mod answers;
mod audit;
mod controls;
mod day;
mod evidence;
mod formats;
mod layers;
mod model;
mod posture;
pub mod supply;

pub use answers::{AnswersError, answers};
pub use audit::{Inputs, UnknownFramework, audit};
pub use controls::{Controls, ControlsError};
pub use formats::{Format, UnknownFormat, WriteError, write};
pub use layers::{LayersError, layers};
pub use model::{
    Advisory, Answer, Audit, Check, Claim, Control, DatabaseInfo, Decider, DependencyList, Evidence, EvidenceKind,
    Framework, Layers, Level, Line, Lint, Mitigation, Mutation, Reply, Risk, SCHEMA, Standing, State, Status, Subject,
    Summary, Supply, json_schema,
};
pub use posture::posture;
