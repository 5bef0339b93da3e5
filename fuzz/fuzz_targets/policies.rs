#![no_main]
//! The pair `policies` under libFuzzer.

use gauntlet_fuzz::{Keep, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Keep { gauntlet_fuzz::run("policies", bytes) });
