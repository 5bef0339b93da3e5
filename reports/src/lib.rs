//! Schemas, controls and example reports, embedded.
//!
//! `controls/` holds the checklist, the claims and the frameworks that `gauntlet audit` arranges its evidence by; the build finds the files.
//! The files lie beside this crate, in `schemas/` and `examples/`. Tests of the report crate compare them with what the code gives
//! and rewrite them when `UPDATE=1` is set.
//!
//! ```
//! assert!(gauntlet_reports::RECORD_SCHEMA.contains("\"title\": \"Record\""));
//! ```

include!(concat!(env!("OUT_DIR"), "/controls.rs"));

/// JSON Schema of an audit, `gauntlet.audit-report/1`.
pub static AUDIT_SCHEMA: &str = include_str!("../schemas/audit.schema.json");

/// JSON Schema of a record, `gauntlet.record/1`.
pub static RECORD_SCHEMA: &str = include_str!("../schemas/record.schema.json");
