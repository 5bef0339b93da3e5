//! A guest that reads one directory and writes another, and nothing else: `cargo run --release -p gauntlet-sandbox --example file_processor`.
#![expect(clippy::print_stdout, reason = "an example shows what it got")]

use std::error::Error;
use std::process::ExitCode;

use gauntlet_record::Ending;
use gauntlet_sandbox::testing::MockFiles;
use gauntlet_sandbox::{Access, Bytes, Guest, Sandbox, explain, worker_main};

/// Reads `/in/text`, writes it in capitals to `/out/text`, then tries to read what it was not given.
const SHOUT: &str = r#"(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "text")
  (data (i32.const 16) "../secret")
  (func $must (param i32) (if (local.get 0) (then (call $exit (i32.const 1)))))
  (func (export "_start") (local $at i32) (local $byte i32)
    ;; Descriptor 3 is /in, descriptor 4 is /out: in the order in which they were granted.
    (call $must (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 0)
      (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 64)))
    (i32.store (i32.const 72) (i32.const 1024))
    (i32.store (i32.const 76) (i32.const 4096))
    (call $must (call $read (i32.load (i32.const 64)) (i32.const 72) (i32.const 1) (i32.const 80)))
    (loop $next
      (local.set $byte (i32.load8_u offset=1024 (local.get $at)))
      (if (i32.and (i32.ge_u (local.get $byte) (i32.const 97)) (i32.le_u (local.get $byte) (i32.const 122)))
        (then (i32.store8 offset=1024 (local.get $at) (i32.sub (local.get $byte) (i32.const 32)))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $at) (i32.load (i32.const 80)))))
    (call $must (call $open (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 1)
      (i64.const 64) (i64.const 64) (i32.const 0) (i32.const 68)))
    (i32.store (i32.const 76) (i32.load (i32.const 80)))
    (call $must (call $write (i32.load (i32.const 68)) (i32.const 72) (i32.const 1) (i32.const 84)))
    (drop (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 9) (i32.const 0)
      (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 64)))))"#;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    if let Some(code) = worker_main() {
        return Ok(ExitCode::from(code));
    }
    // A private tree that is gone at the end; an application has directories of its own.
    let files = MockFiles::new()?.file("in/text", "hello, files")?.file("secret", "not yours")?.directory("out")?;
    let sandbox = Sandbox::builder()
        .memory(Bytes::mib(8))
        .grant_dir(files.path("in"), "/in", Access::ReadOnly)
        .grant_dir(files.path("out"), "/out", Access::ReadWrite)
        .build()?;
    let outcome = sandbox.run(&Guest::new(wat::parse_str(SHOUT)?))?;
    if outcome.ending.ending != Ending::Returned {
        return Err(format!("the guest ended otherwise: {:?}", outcome.ending).into());
    }
    println!("written: {}", String::from_utf8(files.read("out/text")?)?);
    // The guest went on after it had been denied something; the outcome says what it asked for, and what that would have taken.
    for explained in explain(&outcome, sandbox.policy()) {
        println!("{explained}");
    }
    Ok(ExitCode::SUCCESS)
}
