//! Policies as files: which there are, what is found in each, what is known already, and what can be mended.
//!
//! The command line is a thin layer over this. Nothing outside of the named files and folders is read, but for what a policy extends, which
//! lies beside it; links are not followed while walking.

mod baseline;
mod check;
mod find;
mod pattern;
mod write;

pub use baseline::{Baseline, BaselineError, MAX_BASELINE_BYTES};
pub use check::{Checked, Checks, Selection, UnknownRule, check, effective};
pub use find::{FindError, Found, STDIN, find};
pub use write::{put, replace};
