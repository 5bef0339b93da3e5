//! Tests of a guest and its policy, with played files and a played network: `cargo run --release -p gauntlet-sandbox --example testing`.
#![expect(clippy::print_stdout, reason = "an example shows what it got")]

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use gauntlet_sandbox::testing::{MockFiles, MockNetwork, MockResponse, Tester};
use gauntlet_sandbox::{Access, Bytes, Guest, LimitKey};

/// Says hello and grows by a megabyte.
const GUEST: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file" (func $unlink (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "hello\nkeep.txt")
  (func (export "_start")
    (i32.store (i32.const 64) (i32.const 0))
    (i32.store (i32.const 68) (i32.const 6))
    (drop (call $write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 72)))
    (drop (memory.grow (i32.const 16)))
    (drop (call $unlink (i32.const 3) (i32.const 6) (i32.const 8)))))"#;

fn main() -> Result<(), Box<dyn Error>> {
    let guest = Guest::new(wat::parse_str(GUEST)?);
    let files = MockFiles::new()?.file("data/keep.txt", "precious")?;

    // With room enough, and no directory: a quiet guest but for a descriptor that it does not hold.
    let seen = Tester::new().run(&guest)?;
    seen.expect_output("hello\n")?;
    seen.expect_violation("denied-descriptor")?;

    // A tight memory limit is met, and a read-only directory is not changed.
    let seen = Tester::new()
        .with(|builder| builder.memory(Bytes::kib(512)))
        .files(&files, "data", "/data", Access::ReadOnly)
        .run(&guest)?;
    let met = seen.expect_violation("limit-memory")?;
    println!("{} of {:?}", met.cause, met.limit.map(|limit| LimitKey::Memory.unit().show(limit)));
    println!("{}", seen.expect_violation("denied-path")?.asked);
    if files.read("data/keep.txt")? != b"precious" {
        return Err("the guest changed a read-only directory".into());
    }

    // The played network answers what it is told to; a guest that is granted its address reaches it and nothing else.
    let network =
        MockNetwork::start()?.answer("GET", "/status", MockResponse::new(503).header("retry-after", "7").body("later"));
    let mut client = TcpStream::connect(network.address())?;
    client.write_all(b"GET /status HTTP/1.1\r\nhost: mock\r\n\r\n")?;
    let mut answer = String::new();
    client.read_to_string(&mut answer)?;
    println!("{}", answer.lines().next().unwrap_or_default());
    println!("{} request(s) seen", network.requests().len());
    Ok(())
}
