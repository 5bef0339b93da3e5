#![no_main]
//! The pair `limits` under libFuzzer.

use gauntlet_fuzz::{Keep, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Keep { gauntlet_fuzz::run("limits", bytes) });
