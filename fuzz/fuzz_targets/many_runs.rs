#![no_main]
//! The pair `many-runs` under libFuzzer.

use gauntlet_fuzz::{Keep, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Keep { gauntlet_fuzz::run("many-runs", bytes) });
