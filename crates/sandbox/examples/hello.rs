//! The simplest use: one function of one guest, in a jailed worker, typed: `cargo run --release -p gauntlet-sandbox --example hello`.
#![expect(clippy::print_stdout, reason = "an example shows what it got")]

use std::error::Error;
use std::process::ExitCode;

use gauntlet_sandbox::{CallError, Guest, Sandbox, worker_main};

/// What would be a file: `gauntlet_sandbox::run("add.wasm", "add", (5, 3))` reads one.
const ADD: &str = r#"(module
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "spin") (loop $again (br $again))))"#;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    // The worker is this program started again.
    if let Some(code) = worker_main() {
        return Ok(ExitCode::from(code));
    }
    let guest = Guest::new(wat::parse_str(ADD)?);
    let sandbox = Sandbox::builder().fuel(1_000_000).build()?;

    let sum: i32 = sandbox.call(&guest, "add", (5, 3))?;
    println!("5 + 3 = {sum}");

    // A guest that never ends is an error with a kind, what was used and what there was.
    match sandbox.call::<_, ()>(&guest, "spin", ()) {
        Err(CallError::Limit { used, .. }) => println!("spin: {used}"),
        other => return Err(format!("expected a limit, got {other:?}").into()),
    }

    // Everything that was seen of a run comes with its result.
    let report = sandbox.call_reported::<_, i32>(&guest, "add", (20, 22))?;
    for part in &report.outcome.confinement {
        println!("jail: {} ({})", part.mechanism, part.note);
    }
    Ok(ExitCode::SUCCESS)
}
