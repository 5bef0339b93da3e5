//! The library with guests in workers. The worker is this program started again, so `main` begins by becoming one.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests, and what runs them")]

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gauntlet_record::{Ending, Granted};
use gauntlet_sandbox::{CallError, Event, Guest, LimitKey, Sandbox, SandboxError, worker_main};
use serde::{Deserialize, Serialize};

fn guest(text: &str) -> Guest {
    Guest::new(wat::parse_str(text).unwrap())
}

fn typed_values_cross_into_a_worker() {
    let sandbox = Sandbox::builder().build().unwrap();
    let add = guest(
        r#"(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
        (func (export "half") (param f64) (result f64) (f64.div (local.get 0) (f64.const 2))))"#,
    );
    assert_eq!(sandbox.call::<_, i32>(&add, "add", (5, 3)).unwrap(), 8);
    assert!(sandbox.call::<_, f64>(&add, "half", (f64::NAN,)).unwrap().is_nan());
    let error = sandbox.call::<_, i32>(&add, "add", (5, "x")).unwrap_err();
    assert!(error.to_string().contains("argument 2"), "{error}");

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Point {
        x: u32,
        y: u32,
    }
    let points = guest(
        r#"(component
        (core module $m (memory (export "memory") 1)
          (func (export "mirror") (param i32 i32) (result i32)
            (i32.store (i32.const 0) (local.get 1)) (i32.store (i32.const 4) (local.get 0)) (i32.const 0)))
        (core instance $i (instantiate $m))
        (type $p' (record (field "x" u32) (field "y" u32)))
        (export $p "point" (type $p'))
        (func (export "mirror") (param "p" $p) (result $p) (canon lift (core func $i "mirror") (memory $i "memory"))))"#,
    );
    let mirrored: Point = sandbox.call(&points, "mirror", (Point { x: 1, y: 2 },)).unwrap();
    assert_eq!(mirrored, Point { x: 2, y: 1 });
}

fn a_worker_is_jailed_and_its_limits_are_typed() {
    let sandbox = Sandbox::builder().fuel(10_000).build().unwrap();
    let spin = guest(r#"(module (func (export "spin") (loop $l (br $l))))"#);
    let CallError::Limit { used, outcome } = sandbox.call::<_, ()>(&spin, "spin", ()).unwrap_err() else {
        panic!("a limit")
    };
    assert_eq!(used.key, LimitKey::Fuel);
    assert!(outcome.confinement.iter().any(|part| part.mechanism == "seccomp" && part.granted == Granted::Full));
}

fn the_one_line_runs_a_file() {
    let path = std::env::temp_dir().join(format!("gauntlet-add-{}.wasm", std::process::id()));
    let add = r#"(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))"#;
    std::fs::write(&path, wat::parse_str(add).unwrap()).unwrap();
    let sum: Result<i32, _> = gauntlet_sandbox::run(&path, "add", (5, 3));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(sum.unwrap(), 8);
}

fn a_dropped_call_ends_its_worker() {
    let sandbox = Sandbox::builder()
        .unlimited(LimitKey::Fuel)
        .deadline(Duration::from_secs(60))
        .cpu_time(Duration::from_secs(60))
        .build()
        .unwrap();
    let spin = guest(r#"(module (func (export "spin") (loop $l (br $l))))"#);
    let add = guest(r#"(module (func (export "one") (result i32) (i32.const 1)))"#);
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let one: i32 = sandbox.call_async(&add, "one", ()).await.unwrap();
        assert_eq!(one, 1);
        let cut =
            tokio::time::timeout(Duration::from_millis(100), sandbox.call_async::<_, ()>(&spin, "spin", ())).await;
        assert!(cut.is_err());
    });
    // Warm workers go with their sandbox, unless a run goes on: nothing is left once the parent's thread has reaped the worker, long
    // before its deadline.
    drop(sandbox);
    while children() > 0 {
        assert!(began.elapsed() < Duration::from_secs(30), "the worker of a dropped call goes on");
        std::thread::yield_now();
    }
}

fn children() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let of = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
    tasks.flatten().map(|task| of(task).split_whitespace().count()).sum()
}

fn events_and_sessions() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let sandbox =
        Sandbox::builder().on_event(move |event: &Event| sink.lock().unwrap().push(event.clone())).build().unwrap();
    let one = guest(r#"(module (func (export "one") (result i32) (i32.const 1)))"#);
    assert_eq!(sandbox.call::<_, i32>(&one, "one", ()).unwrap(), 1);
    assert_eq!(seen.lock().unwrap().last(), Some(&Event::Finished(Ending::Returned)));
    let error = sandbox.session(&one).unwrap_err();
    assert!(matches!(error, CallError::Sandbox(SandboxError::NeedsInline { .. })), "{error}");
}

fn main() -> ExitCode {
    if let Some(code) = worker_main() {
        return ExitCode::from(code);
    }
    let tests: [(&str, fn()); 5] = [
        ("typed_values_cross_into_a_worker", typed_values_cross_into_a_worker),
        ("a_worker_is_jailed_and_its_limits_are_typed", a_worker_is_jailed_and_its_limits_are_typed),
        ("the_one_line_runs_a_file", the_one_line_runs_a_file),
        ("a_dropped_call_ends_its_worker", a_dropped_call_ends_its_worker),
        ("events_and_sessions", events_and_sessions),
    ];
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for (name, test) in tests {
        if wanted.is_empty() || wanted.iter().any(|wanted| name.contains(wanted.as_str())) {
            test();
            println!("test {name} ... ok");
        }
    }
    ExitCode::SUCCESS
}
