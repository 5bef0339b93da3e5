//! Schemas and example reports, embedded.
//!
//! The files lie beside this crate, in `schemas/` and `examples/`. Tests of the report crate compare them with what the code gives
//! and rewrite them when `UPDATE=1` is set.
//!
//! ```
//! assert!(gauntlet_reports::RECORD_SCHEMA.contains("\"title\": \"Record\""));
//! ```

/// JSON Schema of a record, `gauntlet.record/1`.
pub static RECORD_SCHEMA: &str = include_str!("../schemas/record.schema.json");
