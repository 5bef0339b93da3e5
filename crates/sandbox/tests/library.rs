//! The library as an embedder sees it, in the caller's process.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use gauntlet_record::Ending;
use gauntlet_sandbox::{
    Builder, Bytes, CallError, Event, Guest, HostFault, LimitKey, Placement, Sandbox, SandboxError, Session, Value,
};
use serde::{Deserialize, Serialize};

fn inline() -> Builder {
    Sandbox::builder().placement(Placement::Inline)
}

fn sandbox() -> Sandbox {
    inline().build().unwrap()
}

fn guest(text: &str) -> Guest {
    Guest::new(wat::parse_str(text).unwrap())
}

const ADD: &str = r#"(module
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "swap") (param i64 f64) (result f64 i64) (local.get 1) (local.get 0))
    (func (export "nothing"))
    (func (export "trap") unreachable)
    (func (export "spin") (loop $l (br $l))))"#;

const COUNTER: &str = r#"(module
    (memory (export "memory") 1)
    (global $n (mut i32) (i32.const 0))
    (func (export "next") (result i32)
      (global.set $n (i32.add (global.get $n) (i32.const 1)))
      (i32.store (i32.const 0) (global.get $n))
      (global.get $n))
    (func (export "stored") (result i32) (i32.load (i32.const 0)))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "trap") unreachable)
    (func (export "burn") (param i32)
      (loop $l
        (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
        (br_if $l (local.get 0)))))"#;

#[test]
fn the_types_of_the_library_cross_threads() {
    fn send_and_sync<T: Send + Sync>() {}
    fn send<T: Send>() {}
    send_and_sync::<Sandbox>();
    send_and_sync::<Guest>();
    send_and_sync::<CallError>();
    send_and_sync::<Value>();
    send::<Session>();
    let sandbox = sandbox();
    let guest = guest(ADD);
    fn future_is_send<F: Future + Send>(future: F) -> F {
        future
    }
    drop(future_is_send(sandbox.call_async::<_, i32>(&guest, "add", (1, 2))));
    drop(future_is_send(sandbox.run_async(&guest)));
}

#[test]
fn a_core_function_takes_and_gives_typed_values() {
    let sandbox = sandbox();
    let guest = guest(ADD);
    let sum: i32 = sandbox.call(&guest, "add", (5, 3)).unwrap();
    assert_eq!(sum, 8);
    let sum: u32 = sandbox.call(&guest, "add", (u32::MAX, 0_u32)).unwrap();
    assert_eq!(sum, u32::MAX);
    let both: (f64, i64) = sandbox.call(&guest, "swap", (7_i64, 0.5)).unwrap();
    assert_eq!(both, (0.5, 7));
    let () = sandbox.call(&guest, "nothing", ()).unwrap();
    assert_eq!(
        sandbox.call_values(&guest, "add", vec![Value::S32(1), Value::I32(2)]).unwrap().results,
        [Value::I32(3)]
    );
}

#[test]
fn arguments_that_do_not_fit_are_refused_with_their_place() {
    let sandbox = sandbox();
    let guest = guest(ADD);
    let error = sandbox.call::<_, i32>(&guest, "add", (5, "x")).unwrap_err();
    assert!(error.to_string().contains("argument 2"), "{error}");
    let error = sandbox.call::<_, i32>(&guest, "add", (5,)).unwrap_err();
    assert!(error.to_string().contains("takes 2 arguments"), "{error}");
    let error = sandbox.call::<_, i32>(&guest, "sub", (5, 3)).unwrap_err();
    assert!(matches!(error, CallError::Refused { .. }), "{error}");
    let error = sandbox.call::<_, String>(&guest, "add", (5, 3)).unwrap_err();
    assert!(matches!(error, CallError::Sandbox(SandboxError::Value(_))), "{error}");
}

#[test]
fn a_limit_says_kind_used_and_limit() {
    let sandbox = inline().fuel(10_000).build().unwrap();
    let CallError::Limit { used, outcome } = sandbox.call::<_, ()>(&guest(ADD), "spin", ()).unwrap_err() else {
        panic!("a limit")
    };
    assert_eq!((used.key, used.limit), (LimitKey::Fuel, Some(10_000)));
    assert!(used.used.unwrap() > 9_000);
    assert_eq!(outcome.ending.ending, Ending::LimitReached);
    assert!(used.to_string().contains("10 000"), "{used}");
}

#[test]
fn a_deadline_ends_a_loop_and_a_sleep() {
    let sandbox = inline().deadline(Duration::from_millis(30)).unlimited(LimitKey::Fuel).build().unwrap();
    let error = sandbox.call::<_, ()>(&guest(ADD), "spin", ()).unwrap_err();
    assert!(matches!(&error, CallError::Limit { used, .. } if used.key == LimitKey::Deadline), "{error}");
    let sleeper = guest(
        r#"(module
        (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "sleep")
          (i32.store (i32.const 16) (i32.const 1))
          (i64.store (i32.const 24) (i64.const 3600000000000))
          (drop (call $poll (i32.const 0) (i32.const 128) (i32.const 1) (i32.const 256)))))"#,
    );
    let error = sandbox.call::<_, ()>(&sleeper, "sleep", ()).unwrap_err();
    assert!(matches!(&error, CallError::Limit { used, .. } if used.key == LimitKey::Deadline), "{error}");
}

#[test]
fn a_second_run_never_sees_the_memory_of_the_first() {
    // Each run writes all of its pages and says what it found there before.
    let text = r#"(module
        (memory (export "memory") 4)
        (table (export "table") 8 funcref)
        (global $g (export "g") (mut i32) (i32.const 0))
        (func $f)
        (elem declare func $f)
        (func (export "dirty") (result i32) (local $at i32) (local $found i32)
          (loop $l
            (local.set $found (i32.or (local.get $found) (i32.load (local.get $at))))
            (i32.store (local.get $at) (i32.const -1))
            (local.set $at (i32.add (local.get $at) (i32.const 4)))
            (br_if $l (i32.lt_u (local.get $at) (i32.mul (memory.size) (i32.const 65536)))))
          (if (i32.eqz (ref.is_null (table.get (i32.const 3)))) (then (local.set $found (i32.const 7))))
          (table.set (i32.const 3) (ref.func $f))
          (drop (memory.grow (i32.const 2)))
          (local.set $found (i32.or (local.get $found) (i32.load (i32.const 262144))))
          (i32.store (i32.const 262144) (i32.const -1))
          (local.set $found (i32.or (local.get $found) (global.get $g)))
          (global.set $g (i32.const 1))
          (local.get $found)))"#;
    let guest = guest(text);
    for sandbox in [sandbox(), inline().unlimited(LimitKey::Memory).build().unwrap()] {
        for _ in 0..100 {
            assert_eq!(sandbox.call::<_, i32>(&guest, "dirty", ()).unwrap(), 0);
        }
    }
}

#[test]
fn a_denied_growth_is_told_in_a_pool_as_elsewhere() {
    let text = r#"(module
        (memory (export "memory") 1)
        (table 1 funcref)
        (func (export "memory") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "table") (param i32) (result i32) (table.grow (ref.null func) (local.get 0))))"#
        .replace("(memory (export \"memory\") 1)", "(memory 1)");
    let guest = guest(&text);
    let sandbox = inline().memory(Bytes::mib(1)).limit(LimitKey::TableElements, 100).build().unwrap();
    for (function, key) in [("memory", LimitKey::Memory), ("table", LimitKey::TableElements)] {
        let report = sandbox.call_reported::<_, i32>(&guest, function, (1000,)).unwrap();
        assert_eq!(report.value, -1);
        assert_eq!(report.outcome.denials[0].cause, gauntlet_record::Cause::Limit(key));
        assert_eq!(sandbox.call::<_, i32>(&guest, function, (1,)).unwrap(), 1);
    }
}

#[test]
fn more_runs_at_once_than_the_pool_holds_all_end_well() {
    let sandbox = sandbox();
    let guest = guest(ADD);
    let mut waiting: Vec<_> =
        (0..200_i32).map(|i| Box::pin(sandbox.call_async::<_, i32>(&guest, "add", (i, i)))).enumerate().collect();
    let mut context = Context::from_waker(Waker::noop());
    while !waiting.is_empty() {
        waiting.retain_mut(|(i, call)| match call.as_mut().poll(&mut context) {
            Poll::Ready(sum) => {
                assert_eq!(sum.unwrap(), i32::try_from(*i).unwrap() * 2);
                false
            }
            Poll::Pending => true,
        });
        std::thread::yield_now();
    }
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for i in 0..50 {
                    assert_eq!(sandbox.call::<_, i32>(&guest, "add", (i, 1)).unwrap(), i + 1);
                }
            });
        }
    });
}

#[test]
fn calls_work_within_an_executor_and_dropping_one_ends_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let sandbox = sandbox();
        let guest = guest(ADD);
        // A blocking call inside of an executor blocks its thread, and nothing else.
        assert_eq!(sandbox.call::<_, i32>(&guest, "add", (1, 2)).unwrap(), 3);
        assert_eq!(sandbox.call_async::<_, i32>(&guest, "add", (1, 2)).await.unwrap(), 3);
        let endless = inline().unlimited(LimitKey::Fuel).build().unwrap();
        let mut spinning = Box::pin(endless.call_async::<_, ()>(&guest, "spin", ()));
        let once = std::future::poll_fn(|context| Poll::Ready(spinning.as_mut().poll(context).is_pending())).await;
        assert!(once);
        drop(spinning);
        // The engine of the dropped call is as good as before.
        assert_eq!(endless.call_async::<_, i32>(&guest, "add", (2, 2)).await.unwrap(), 4);
    });
}

#[test]
fn many_calls_each_have_an_ending_of_their_own() {
    let sandbox = sandbox();
    let guest = guest(
        r#"(module (func (export "inverse") (param i32) (result i32) (i32.div_u (i32.const 100) (local.get 0))))"#,
    );
    let answers: Vec<Option<u32>> =
        sandbox.call_many(&guest, "inverse", [1_u32, 0, 4]).map(|answer: Result<u32, _>| answer.ok()).collect();
    assert_eq!(answers, [Some(100), None, Some(25)]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut calls = sandbox.calls(&guest, "inverse", [5_u32, 0]);
        assert_eq!(calls.next::<u32>().await.unwrap().unwrap(), 20);
        assert!(calls.next::<u32>().await.unwrap().is_err());
        assert!(calls.next::<u32>().await.is_none());
    });
}

#[test]
fn a_session_keeps_its_instance_and_each_call_has_its_own_fuel() {
    let sandbox = inline().fuel(100_000).memory(Bytes::kib(256)).build().unwrap();
    let mut session = sandbox.session(&guest(COUNTER)).unwrap();
    for n in 1..=3 {
        assert_eq!(session.call::<_, u32>("next", ()).unwrap(), n);
    }
    assert_eq!(session.call::<_, u32>("stored", ()).unwrap(), 3);
    // Ten times the fuel of one call, over ten calls.
    for _ in 0..20 {
        let () = session.call("burn", (10_000,)).unwrap();
    }
    // Memory is counted over the session: two more pages, then one, then none.
    assert_eq!(session.call::<_, i32>("grow", (2,)).unwrap(), 1);
    assert_eq!(session.call::<_, i32>("grow", (2,)).unwrap(), -1);
    assert_eq!(session.call::<_, i32>("grow", (1,)).unwrap(), 3);
    assert_eq!(session.call::<_, i32>("grow", (1,)).unwrap(), -1);
    // A function that is not there is no reason to end.
    assert!(session.call::<_, ()>("missing", ()).is_err());
    assert!(session.is_alive());
    assert!(matches!(session.call::<_, ()>("trap", ()), Err(CallError::Trapped { .. })));
    assert!(!session.is_alive());
    let error = session.call::<_, u32>("next", ()).unwrap_err();
    assert!(matches!(&error, CallError::Sandbox(SandboxError::SessionEnded(why)) if why == "trapped"), "{error}");
}

#[test]
fn a_session_ends_with_the_call_that_was_dropped() {
    let sandbox = inline().unlimited(LimitKey::Fuel).build().unwrap();
    let mut session = sandbox.session(&guest(ADD)).unwrap();
    let mut spinning = Box::pin(session.call_async::<_, ()>("spin", ()));
    assert!(spinning.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(spinning);
    assert!(!session.is_alive());
    assert!(session.call::<_, i32>("add", (1, 2)).is_err());
}

#[test]
fn deadlines_of_a_session_begin_with_each_call() {
    let sandbox = inline().deadline(Duration::from_millis(200)).unlimited(LimitKey::Fuel).build().unwrap();
    let mut session = sandbox.session(&guest(COUNTER)).unwrap();
    // Longer than one deadline in all, shorter in each call.
    let began = std::time::Instant::now();
    while began.elapsed() < Duration::from_millis(400) {
        let () = session.call("burn", (100_000,)).unwrap();
    }
    assert!(session.is_alive());
}

#[test]
fn progress_is_told_in_order() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let sandbox = inline()
        .memory(Bytes::kib(64))
        .on_event(move |event: &Event| sink.lock().unwrap().push(event.clone()))
        .build()
        .unwrap();
    let guest = guest(COUNTER);
    assert_eq!(sandbox.call::<_, i32>(&guest, "grow", (1,)).unwrap(), -1);
    assert_eq!(sandbox.call::<_, i32>(&guest, "next", ()).unwrap(), 1);
    let seen = seen.lock().unwrap();
    assert!(
        matches!(
            &seen[..],
            [
                Event::Compiling,
                Event::Compiled,
                Event::Started,
                Event::Denied(_),
                Event::Finished(Ending::Returned),
                // The second run finds the guest compiled.
                Event::Started,
                Event::Finished(Ending::Returned),
            ]
        ),
        "{seen:?}"
    );
}

#[test]
fn a_host_function_reads_and_writes_checked_memory() {
    let said = Arc::new(Mutex::new(String::new()));
    let heard = Arc::clone(&said);
    let sandbox = inline()
        .host_function("env", "say", move |call, (pointer, length): (u32, u32)| {
            heard.lock().unwrap().push_str(&call.string(pointer, length)?);
            call.write(100, b"heard")?;
            Ok(5_u32)
        })
        .build()
        .unwrap();
    let text = |pointer: i64, length: i64| {
        guest(&format!(
            r#"(module
            (import "env" "say" (func $say (param i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 8) "hello\ff")
            (func (export "go") (result i32)
              (drop (call $say (i32.const {pointer}) (i32.const {length})))
              (i32.load8_u (i32.const 100))))"#
        ))
    };
    assert_eq!(sandbox.call::<_, u32>(&text(8, 5), "go", ()).unwrap(), u32::from(b'h'));
    assert_eq!(*said.lock().unwrap(), "hello");
    for (pointer, length) in [(8, 6), (65_535, 2), (-1, 1), (0, -1), (65_536, 1), (-1, -1)] {
        let error = sandbox.call::<_, u32>(&text(pointer, length), "go", ()).unwrap_err();
        assert!(matches!(error, CallError::Trapped { .. }), "{error}");
    }
    assert_eq!(sandbox.call::<_, u32>(&text(65_536, 0), "go", ()).unwrap(), u32::from(b'h'));
}

#[test]
fn a_host_function_is_metered_like_wasi() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let sandbox = inline()
        .limit(LimitKey::HostWork, 64 << 10)
        .host_function("env", "f", move |_, ()| {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
        .build()
        .unwrap();
    let guest = guest(r#"(module (import "env" "f" (func $f)) (func (export "go") (loop $l (call $f) (br $l))))"#);
    let error = sandbox.call::<_, ()>(&guest, "go", ()).unwrap_err();
    assert!(matches!(&error, CallError::Limit { used, .. } if used.key == LimitKey::HostWork), "{error}");
    assert_eq!(calls.load(Ordering::Relaxed), (64 << 10) / 64);
}

#[test]
fn a_host_function_may_call_back_but_not_for_ever() {
    let text = r#"(module
        (import "env" "back" (func $back (param i32) (result i32)))
        (func (export "down") (param i32) (result i32)
          (if (result i32) (i32.eqz (local.get 0))
            (then (i32.const 0))
            (else (i32.add (i32.const 1) (call $back (i32.sub (local.get 0) (i32.const 1)))))))
        (func (export "bad") (result i32) (call $back (i32.const -1)))
        (func (export "burst") unreachable))"#;
    let sandbox = inline()
        .host_function_async("env", "back", |call, (n,): (i32,)| {
            Box::pin(async move {
                if n < 0 {
                    return call.call::<_, i32>("burst", ()).await;
                }
                call.call::<_, i32>("down", (n,)).await
            })
        })
        .build()
        .unwrap();
    let guest = guest(text);
    assert_eq!(sandbox.call::<_, i32>(&guest, "down", (5,)).unwrap(), 5);
    assert_eq!(sandbox.call::<_, i32>(&guest, "down", (8,)).unwrap(), 8);
    let error = sandbox.call::<_, i32>(&guest, "down", (9,)).unwrap_err();
    assert!(error.to_string().contains("nested deeper than 8"), "{error}");
    // A trap of the guest that was called back is the guest's ending.
    let error = sandbox.call::<_, i32>(&guest, "bad", ()).unwrap_err();
    assert!(error.to_string().contains("unreachable"), "{error}");
}

#[test]
fn a_host_function_that_waits_is_cut_by_the_deadline() {
    let sandbox = inline()
        .deadline(Duration::from_millis(30))
        .host_function_async("env", "wait", |_, ()| Box::pin(std::future::pending::<Result<(), HostFault>>()))
        .build()
        .unwrap();
    let guest = guest(r#"(module (import "env" "wait" (func $w)) (func (export "go") (call $w)))"#);
    let error = sandbox.call::<_, ()>(&guest, "go", ()).unwrap_err();
    assert!(matches!(&error, CallError::Limit { used, .. } if used.key == LimitKey::Deadline), "{error}");
}

#[test]
fn host_functions_and_sessions_need_the_callers_process() {
    let error = Sandbox::builder().host_function("env", "f", |_, ()| Ok(())).build().unwrap_err();
    assert!(matches!(error, SandboxError::NeedsInline { .. }), "{error}");
    let error = Sandbox::builder().build().unwrap_err();
    assert!(matches!(error, SandboxError::NoWorker), "{error}");
    assert!(error.to_string().contains("worker_main()"), "{error}");
}

/// A component with records, lists, variants and the like, all passed on unchanged.
const ECHO: &str = r#"(component
    (core module $m
      (memory (export "memory") 1)
      (global $top (mut i32) (i32.const 1024))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (global.set $top (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
        (global.get $top)
        (global.set $top (i32.add (global.get $top) (local.get 3))))
      (func (export "text") (param i32 i32) (result i32)
        (i32.store (i32.const 0) (local.get 0))
        (i32.store (i32.const 4) (local.get 1))
        (i32.const 0))
      (func (export "user") (param i32 i32 i32 i32 i32) (result i32)
        (i32.store (i32.const 0) (local.get 0))
        (i32.store (i32.const 4) (local.get 1))
        (i32.store (i32.const 8) (local.get 2))
        (i32.store8 (i32.const 12) (local.get 3))
        (i32.store8 (i32.const 13) (local.get 4))
        (i32.const 0))
      (func (export "number") (param i32) (result i32) (local.get 0))
      (func (export "either") (param i32 i32) (result i32)
        (i32.store8 (i32.const 0) (local.get 0))
        (i32.store8 (i32.const 1) (local.get 1))
        (i32.const 0)))
    (core instance $i (instantiate $m))
    (type $color' (enum "red" "dark-green"))
    (export $color "color" (type $color'))
    (type $rights' (flags "read" "write-all"))
    (export $rights "rights" (type $rights'))
    (type $user' (record (field "user-name" string) (field "age" u32) (field "color" $color) (field "rights" $rights)))
    (export $user "user-type" (type $user'))
    (func (export "text") (param "t" string) (result string)
      (canon lift (core func $i "text") (memory $i "memory") (realloc (func $i "realloc"))))
    (func (export "numbers") (param "t" (list u16)) (result (list u16))
      (canon lift (core func $i "text") (memory $i "memory") (realloc (func $i "realloc"))))
    (func (export "user") (param "u" $user) (result $user)
      (canon lift (core func $i "user") (memory $i "memory") (realloc (func $i "realloc"))))
    (func (export "maybe") (param "o" (option u8)) (result (option u8))
      (canon lift (core func $i "either") (memory $i "memory")))
    (func (export "outcome") (param "r" (result u8 (error u8))) (result (result u8 (error u8)))
      (canon lift (core func $i "either") (memory $i "memory")))
    (func (export "flag") (param "b" bool) (result bool) (canon lift (core func $i "number")))
    (func (export "letter") (param "c" char) (result char) (canon lift (core func $i "number"))))"#;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Color {
    Red,
    DarkGreen,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Rights {
    read: bool,
    write_all: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct User {
    user_name: String,
    age: u32,
    color: Color,
    rights: Rights,
}

#[test]
fn a_component_takes_and_gives_typed_values() {
    let sandbox = sandbox();
    let guest = guest(ECHO);
    assert_eq!(sandbox.call::<_, String>(&guest, "text", ("grüß dich",)).unwrap(), "grüß dich");
    assert_eq!(sandbox.call::<_, Vec<u16>>(&guest, "numbers", (vec![1_u16, 2, 3],)).unwrap(), [1, 2, 3]);
    let user = User {
        user_name: "Ann".into(),
        age: 41,
        color: Color::DarkGreen,
        rights: Rights { read: true, write_all: false },
    };
    assert_eq!(sandbox.call::<_, User>(&guest, "user", (user.clone(),)).unwrap(), user);
    for maybe in [None, Some(7_u8)] {
        assert_eq!(sandbox.call::<_, Option<u8>>(&guest, "maybe", (maybe,)).unwrap(), maybe);
    }
    for outcome in [Ok(1_u8), Err(2_u8)] {
        assert_eq!(sandbox.call::<_, Result<u8, u8>>(&guest, "outcome", (outcome,)).unwrap(), outcome);
    }
    assert!(sandbox.call::<_, bool>(&guest, "flag", true).unwrap());
    assert_eq!(sandbox.call::<_, char>(&guest, "letter", 'ß').unwrap(), 'ß');
    let error = sandbox.call::<_, char>(&guest, "letter", 7).unwrap_err();
    assert!(error.to_string().contains("argument `c`"), "{error}");
    let error = sandbox.call::<_, Vec<u16>>(&guest, "numbers", (vec![1_u32, 70_000],)).unwrap_err();
    assert!(error.to_string().contains("item 2"), "{error}");
}

#[test]
fn a_component_imports_a_host_function_by_value() {
    let sandbox = inline()
        .host_function("", "greet", |_, (name,): (String,)| Ok(u32::try_from(name.len()).unwrap_or(u32::MAX)))
        .build()
        .unwrap();
    let guest = guest(
        r#"(component
        (import "greet" (func $greet (param "name" string) (result u32)))
        (core module $mem (memory (export "memory") 1) (data (i32.const 0) "hello"))
        (core instance $mem (instantiate $mem))
        (core func $greet (canon lower (func $greet) (memory $mem "memory")))
        (core module $m
          (import "h" "greet" (func $greet (param i32 i32) (result i32)))
          (func (export "go") (result i32) (call $greet (i32.const 0) (i32.const 5))))
        (core instance $i (instantiate $m (with "h" (instance (export "greet" (func $greet))))))
        (func (export "go") (result u32) (canon lift (core func $i "go"))))"#,
    );
    assert_eq!(sandbox.call::<_, u32>(&guest, "go", ()).unwrap(), 5);
}

/// Components whose code runs outside of the function that was called: allocator, post-return, destructor, start function.
fn hidden_loops() -> [(&'static str, &'static str); 4] {
    [
        (
            "realloc",
            r#"(component
            (core module $m (memory (export "memory") 1)
              (func (export "realloc") (param i32 i32 i32 i32) (result i32) (loop $l (br $l)) unreachable)
              (func (export "go") (param i32 i32)))
            (core instance $i (instantiate $m))
            (func (export "go") (param "t" string)
              (canon lift (core func $i "go") (memory $i "memory") (realloc (func $i "realloc")))))"#,
        ),
        (
            "post-return",
            r#"(component
            (core module $m (func (export "go") (result i32) (i32.const 1)) (func (export "post") (param i32) (loop $l (br $l))))
            (core instance $i (instantiate $m))
            (func (export "go") (result u32) (canon lift (core func $i "go") (post-return (func $i "post")))))"#,
        ),
        (
            "destructor",
            r#"(component
            (core module $d (func (export "drop") (param i32) (loop $l (br $l))))
            (core instance $d (instantiate $d))
            (type $r' (resource (rep i32) (dtor (func $d "drop"))))
            (export $r "r" (type $r'))
            (core func $new (canon resource.new $r'))
            (core module $m
              (import "h" "new" (func $new (param i32) (result i32)))
              (func (export "go") (result i32) (call $new (i32.const 7))))
            (core instance $i (instantiate $m (with "h" (instance (export "new" (func $new))))))
            (func (export "go") (result (own $r)) (canon lift (core func $i "go"))))"#,
        ),
        (
            "start",
            r#"(component
            (core module $m (func $s (loop $l (br $l))) (start $s) (func (export "go")))
            (core instance $i (instantiate $m))
            (func (export "go") (canon lift (core func $i "go"))))"#,
        ),
    ]
}

#[test]
fn the_deadline_and_the_fuel_hold_outside_of_the_called_function() {
    for (name, text) in hidden_loops() {
        let guest = guest(text);
        let arguments = if name == "realloc" { vec![Value::String("x".into())] } else { Vec::new() };
        let by_deadline = inline().deadline(Duration::from_millis(30)).unlimited(LimitKey::Fuel).build().unwrap();
        let by_fuel = inline().fuel(100_000).build().unwrap();
        for (sandbox, key) in [(by_deadline, LimitKey::Deadline), (by_fuel, LimitKey::Fuel)] {
            let outcome = sandbox.call_values(&guest, "go", arguments.clone()).unwrap();
            assert_eq!(outcome.ending.cause, Some(gauntlet_record::Cause::Limit(key)), "{name}: {:?}", outcome.ending);
            if name != "start" {
                let mut session = sandbox.session(&guest).unwrap();
                let outcome = session.call_values("go", &arguments).unwrap();
                assert_eq!(
                    outcome.ending.cause,
                    Some(gauntlet_record::Cause::Limit(key)),
                    "{name}: {:?}",
                    outcome.ending
                );
                assert!(!session.is_alive());
            } else {
                assert!(sandbox.session(&guest).is_err());
            }
        }
    }
}

#[test]
fn a_denied_import_names_the_fix() {
    let sandbox = inline().deny_import("wasi_snapshot_preview1::random_get").build().unwrap();
    let text = r#"(module (import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32))) (func (export "f")))"#;
    let CallError::Refused { why, .. } = sandbox.call::<_, ()>(&guest(text), "f", ()).unwrap_err() else {
        panic!("refused")
    };
    assert!(why.operation.contains("random_get"), "{why}");
    assert!(why.fix.contains("modules.deny"), "{why}");
}

#[test]
fn the_builder_and_the_file_are_one_policy() {
    let sandbox = inline()
        .memory(Bytes::mib(64))
        .deadline(Duration::from_secs(2))
        .env("NAME", "a \"quoted\" value")
        .arg("--flag")
        .build()
        .unwrap();
    let again = gauntlet_policy::Policy::parse("builder", &sandbox.policy().text).unwrap();
    assert_eq!(&again, sandbox.policy());
    assert_eq!(again.grants.environment[0].value.value, "a \"quoted\" value");
    let error = inline().grant_dir("", "/data", gauntlet_sandbox::Access::ReadOnly).build().unwrap_err();
    assert!(matches!(error, SandboxError::Policy { .. }), "{error}");
    let error = inline().policy_file("/nonexistent.yaml").build().unwrap_err();
    assert!(matches!(error, SandboxError::PolicyFile { .. }), "{error}");
}

#[test]
fn a_library_of_preview_1_is_initialized_before_its_first_function() {
    let text = r#"(module (global $g (mut i32) (i32.const 0))
        (func (export "_initialize") (global.set $g (i32.add (global.get $g) (i32.const 1))))
        (func (export "times") (result i32) (global.get $g)))"#;
    let sandbox = sandbox();
    let guest = guest(text);
    assert_eq!(sandbox.call::<_, i32>(&guest, "times", ()).unwrap(), 1);
    let mut session = sandbox.session(&guest).unwrap();
    assert_eq!(session.call::<_, i32>("times", ()).unwrap(), 1);
    assert_eq!(session.call::<_, i32>("times", ()).unwrap(), 1);
}

#[test]
fn no_bytes_and_no_values_make_the_library_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let sandbox = inline().fuel(10_000).memory(Bytes::mib(1)).deadline(Duration::from_millis(500)).build().unwrap();
    let seeds: Vec<Vec<u8>> = [ADD, COUNTER, ECHO].iter().map(|text| wat::parse_str(text).unwrap()).collect();
    for round in 0..400 {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..1 + random() % 6 {
            let at = usize::try_from(random()).unwrap() % bytes.len();
            bytes[at] = random().to_le_bytes()[0];
        }
        if random().is_multiple_of(4) {
            bytes.truncate(usize::try_from(random()).unwrap() % bytes.len());
        }
        let guest = Guest::new(bytes);
        let outcome = sandbox.call_values(&guest, "add", vec![Value::I32(1), Value::F64(f64::NAN)]).unwrap();
        assert_eq!(outcome.usage.len(), LimitKey::ALL.len());
        let _ = sandbox.session(&guest).map(|mut session| session.call_values("next", &[]).unwrap());
    }
    let echo = Guest::new(seeds[2].clone());
    for _ in 0..400 {
        let value = any(&mut random, 4);
        for function in ["text", "numbers", "user", "maybe", "outcome", "flag", "letter", "none"] {
            let outcome = sandbox.call_values(&echo, function, vec![value.clone()]).unwrap();
            let _ = gauntlet_sandbox::from_value::<User>(outcome.results.first().cloned().unwrap_or(value.clone()));
        }
    }
}

fn any(random: &mut dyn FnMut() -> u64, depth: u32) -> Value {
    let number = random();
    let small = number.to_le_bytes()[0];
    let kinds = if depth == 0 { 10 } else { 18 };
    let inner = |random: &mut dyn FnMut() -> u64| Box::new(any(random, depth.saturating_sub(1)));
    match number % kinds {
        0 => Value::I32(i32::from(small) - 100),
        1 => Value::I64(number.cast_signed()),
        2 => Value::Bool(small > 100),
        3 => Value::U64(number),
        4 => Value::F32(f32::from_bits(u32::from_le_bytes([small, 1, 192, 127]))),
        5 => Value::F64(f64::from_bits(number)),
        6 => Value::Char(char::from(small)),
        7 => Value::String("x".repeat(usize::from(small))),
        8 => Value::Enum("red".into()),
        9 => Value::Resource,
        10 => Value::List(vec![*inner(random), *inner(random)]),
        11 => Value::Tuple(vec![*inner(random)]),
        12 => Value::Record(vec![("user-name".into(), *inner(random)), ("age".into(), Value::U8(small))]),
        13 => Value::Variant("some".into(), Some(inner(random))),
        14 => Value::Option(Some(inner(random))),
        15 => Value::Ok(Some(inner(random))),
        16 => Value::Err(None),
        _ => Value::Flags(vec!["read".into(), "none".into()]),
    }
}
