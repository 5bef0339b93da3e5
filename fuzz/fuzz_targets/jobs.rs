#![no_main]
//! The pair `jobs` under libFuzzer.

use gauntlet_fuzz::{Keep, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Keep { gauntlet_fuzz::run("jobs", bytes) });
