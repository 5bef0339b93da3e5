//! Runs one guest under the strict defaults and says how it ended: `cargo run --release -p gauntlet-sandbox --example embed guest.wasm`.

use std::error::Error;
use std::process::ExitCode;

use gauntlet_policy::Policy;
use gauntlet_sandbox::{Worker, worker_main};
use gauntlet_target::{Job, Target as _};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    // The worker is this executable started again.
    if let Some(code) = worker_main() {
        return Ok(ExitCode::from(code));
    }
    let mut arguments = std::env::args().skip(1);
    let guest = std::fs::read(arguments.next().ok_or("usage: embed GUEST [POLICY]")?)?;
    let text = arguments.next().map_or_else(|| Ok("version: 1\n".to_owned()), std::fs::read_to_string)?;
    let policy = Policy::parse("policy", &text).map_err(|faults| format!("{} faults in the policy", faults.len()))?;
    let outcome = Worker::new().run(&Job { guest, policy, nonce: "00000000000000ff".into(), ..Job::default() })?;
    eprintln!("{:#?}", (&outcome.ending, &outcome.denials, &outcome.confinement, &outcome.usage));
    eprintln!("stdout: {}", String::from_utf8_lossy(&outcome.stdout));
    Ok(ExitCode::SUCCESS)
}
