#![no_main]
//! The pair `wasi-sequences` under libFuzzer.

use gauntlet_fuzz::{Keep, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Keep { gauntlet_fuzz::run("wasi-sequences", bytes) });
