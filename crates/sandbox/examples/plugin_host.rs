//! A host with plugins: manifests checked against the policy, host functions, sessions, and a reload that breaks nobody:
//! `cargo run --release -p gauntlet-sandbox --example plugin_host`.
#![expect(clippy::print_stdout, reason = "an example shows what it got")]

use std::error::Error;
use std::sync::{Arc, Mutex};

use gauntlet_sandbox::{Bytes, Guest, Manifest, Placement, Plugin, PluginError, Sandbox};

const MANIFEST: &str = "
id: acme.counter
version: 1.0.0
description: counts what it is told
permissions: []
limits: { memory: 1MiB }
entry-points:
  - { name: add, parameters: [i32], returns: i32 }
";

/// Keeps a sum, and logs through a function of the host's.
const COUNTER: &str = r#"(module
  (import "host" "log" (func $log (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "counted")
  (global $sum (mut i32) (i32.const 0))
  (func (export "add") (param i32) (result i32)
    (global.set $sum (i32.add (global.get $sum) (local.get 0)))
    (call $log (i32.const 0) (i32.const 7))
    (global.get $sum)))"#;

fn main() -> Result<(), Box<dyn Error>> {
    let log = Arc::new(Mutex::new(Vec::<String>::new()));
    let kept = Arc::clone(&log);
    // Host functions live in this process, so the plugins do, too: the engine is then what stands between them and us.
    let sandbox = Sandbox::builder()
        .placement(Placement::Inline)
        .memory(Bytes::mib(16))
        .host_function("host", "log", move |call, (pointer, length): (u32, u32)| {
            // Pointer and length are the guest's word; reading checks them.
            let text = call.string(pointer, length)?;
            kept.lock().map_err(|_| gauntlet_sandbox::HostFault::refused("the log is gone"))?.push(text);
            Ok(())
        })
        .build()?;

    let manifest = Manifest::parse("counter.yaml", MANIFEST)?;
    let mut plugin = Plugin::load(&sandbox, manifest.clone(), Guest::new(wat::parse_str(COUNTER)?))?;

    // A session keeps the plugin's state; each call has a deadline and fuel of its own.
    let mut session = plugin.session()?;
    for number in [1, 2, 3] {
        let sum: i32 = session.call("add", (number,))?;
        println!("sum: {sum}");
    }
    println!("logged {} lines", log.lock().map_err(|_| "the log is gone")?.len());

    // Asking for more than the policy grants is refused before anything runs.
    let greedy =
        Manifest::parse("greedy.yaml", &MANIFEST.replace("permissions: []", "permissions: [ { read: /etc } ]"))?;
    match Plugin::load(&sandbox, greedy, plugin.guest().clone()) {
        Err(PluginError::NotGranted { missing, .. }) => println!("refused: {}", missing[0]),
        other => return Err(format!("expected a refusal, got {other:?}").into()),
    }

    // A new version that lost an entry point would break us: the old one stays.
    let broken = Guest::new(wat::parse_str("(module)")?);
    match plugin.reload(manifest.clone(), broken) {
        Err(PluginError::Incompatible { report, .. }) => println!("not reloaded: {report}"),
        other => return Err(format!("expected a report, got {other:?}").into()),
    }
    let better = COUNTER.replace("\"counted\"", "\"COUNTED\"");
    println!("reloaded: {}", plugin.reload(manifest, Guest::new(wat::parse_str(better)?))?);
    let sum: i32 = plugin.call("add", (40,))?;
    println!("a new instance begins at 0: {sum}");
    Ok(())
}
