//! The attack corpus, embedded.
//!
//! Beside this crate's code lie the attacks, `<class>/<name>/`, the known gaps of targets, `known/`, and the targets, `targets/`. This is
//! data: `gauntlet-corpus` reads it and says what is wrong with it.
//!
//! ```
//! assert!(gauntlet_attacks::FILES.iter().any(|(path, _)| path.ends_with("/attack.yaml")));
//! ```

/// The attacks that only one layer stops, `single-layer.yaml`.
pub const SINGLE_LAYER: &str = include_str!("../single-layer.yaml");

/// What the attacks cost that take longest, in milliseconds, `costs.yaml`.
pub const COSTS: &str = include_str!("../costs.yaml");

include!(concat!(env!("OUT_DIR"), "/files.rs"));
