//! Reads the engine's version from the lock file, so that records name the engine that was really built, and assembles the guests that
//! measure what fuel is worth, and the one that a waiting worker warms up with.

use std::path::Path;
use std::{env, fs};

fn main() {
    let manifest = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let lock = Path::new(&manifest).join("../../Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let text = fs::read_to_string(&lock).unwrap_or_default();
    let version = text
        .split("[[package]]")
        .find(|package| package.contains("\nname = \"wasmtime\"\n"))
        .and_then(|package| package.lines().find_map(|line| line.strip_prefix("version = ")))
        .map_or("unknown", |version| version.trim_matches('"'));
    println!("cargo::rustc-env=GAUNTLET_ENGINE_VERSION={version}");
    let guests = Path::new(&manifest).join("calibrate");
    println!("cargo::rerun-if-changed={}", guests.display());
    let out = env::var("OUT_DIR").expect("cargo sets it");
    for name in ["sieve", "xorshift", "matmul", "fib", "calls", "rehearsal"] {
        let wasm = wat::parse_file(guests.join(format!("{name}.wat"))).expect("a guest of ours assembles");
        fs::write(Path::new(&out).join(format!("{name}.wasm")), wasm).expect("cargo made the directory");
    }
}
