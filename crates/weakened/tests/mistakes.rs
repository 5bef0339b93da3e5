//! The list of mistakes, and what the executors do wrong. None of these tests starts a worker: this program is not one. What ends its
//! process or writes to its streams runs in this program started again, as a test that is ignored otherwise.
#![expect(clippy::unwrap_used, reason = "tests may")]

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::os::fd::AsRawFd as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output};

use gauntlet_policy::Policy;
use gauntlet_record::{Cause, Ending, LimitKey};
use gauntlet_target::{Job, Outcome};
use gauntlet_weakened::{find, mistakes};

const NONCE: &str = "00000000000000ff";

fn run(name: &str, policy: &str, guest: &str) -> Outcome {
    let policy = Policy::parse("t", &format!("version: 1\n{policy}\n")).unwrap();
    let job = Job { guest: wat::parse_str(guest).unwrap(), policy, nonce: NONCE.into(), ..Job::default() };
    let mistake = find(name).unwrap();
    assert!(mistake.in_process(), "{name} would start a worker");
    mistake.target(true).run(&job).unwrap()
}

#[test]
fn the_list_is_the_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/mistakes");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().replace('_', "-"))
        .filter(|name| name != "mod")
        .collect();
    let listed: BTreeSet<String> = mistakes().iter().map(|mistake| mistake.name.to_owned()).collect();
    assert_eq!(files, listed);
    assert_eq!(listed.len(), mistakes().len(), "a name stands twice");
}

#[test]
fn every_mistake_has_a_number_and_a_sentence_and_names_its_executor() {
    for mistake in mistakes() {
        let number = mistake.seen.strip_prefix('F').and_then(|number| number.parse::<u8>().ok());
        let listed = number.is_some_and(|number| (1..=36).contains(&number));
        assert!(listed || mistake.seen == "own", "{}: {}", mistake.name, mistake.seen);
        assert!(
            mistake.sentence.chars().next().is_some_and(char::is_lowercase) && !mistake.sentence.ends_with('.'),
            "{}",
            mistake.name
        );
        // With and without backstops: every id that is left out names a protection.
        for backstops in [false, true] {
            assert_eq!(mistake.target(backstops).describe().name, mistake.name);
        }
    }
}

#[test]
fn only_the_raw_report_leaves_escaping_out() {
    let names: Vec<&str> =
        mistakes().iter().filter(|mistake| mistake.lifts_escaping()).map(|mistake| mistake.name).collect();
    assert_eq!(names, ["raw-report"]);
}

#[test]
fn every_executor_of_its_own_but_one_runs_an_honest_guest() {
    let guest = r#"(module (func (export "_start") (param i64) (result i64) (i64.add (local.get 0) (i64.const 1))))"#;
    for mistake in mistakes().iter().filter(|mistake| mistake.in_process()) {
        let outcome = run(mistake.name, "", guest);
        assert_eq!(outcome.ending.ending, Ending::Returned, "{}: {outcome:?}", mistake.name);
        let expected = if mistake.name == "runs-nothing" { None } else { Some(0x100) };
        assert_eq!(outcome.returned, expected, "{}", mistake.name);
        assert_eq!(outcome.usage.len(), LimitKey::ALL.len(), "{}", mistake.name);
    }
}

#[test]
fn each_table_has_the_whole_limit_for_itself() {
    let guest = r#"(module (table 8 funcref) (table 8 funcref) (func (export "_start")))"#;
    let outcome = run("limits-per-memory", "limits: { table-elements: 10 }", guest);
    assert_eq!(outcome.ending.ending, Ending::Returned, "{outcome:?}");
    let one = r#"(module (table 11 funcref) (func (export "_start")))"#;
    let outcome = run("limits-per-memory", "limits: { table-elements: 10 }", one);
    assert_eq!(outcome.causes(), [Cause::Limit(LimitKey::TableElements)]);
}

#[test]
fn a_cap_for_standard_output_lets_standard_error_through() {
    let outcome = run("stderr-unbounded", "limits: { output: 10B }", include_str!("guests/floods_both_streams.wat"));
    assert_eq!((outcome.stdout.len(), outcome.stderr.len()), (10, 80));
}

/// A guest that counts down from `rounds` in its start function, which is long after a deadline of a few milliseconds.
fn slow_start(rounds: u64) -> String {
    format!(
        r#"(module
            (global $left (mut i64) (i64.const {rounds}))
            (func $f (loop
                (global.set $left (i64.sub (global.get $left) (i64.const 1)))
                (br_if 0 (i64.ne (global.get $left) (i64.const 0)))))
            (start $f)
            (func (export "_start") (result i64) (i64.const 1)))"#
    )
}

#[test]
fn deadlines_that_never_fire_let_a_late_guest_return() {
    for name in ["timeout-round-synchronous-call", "epoch-never-advanced"] {
        // The deadline is over before the guest begins.
        let outcome = run(name, "limits: { deadline: 1ns }", &slow_start(1_000));
        assert_eq!(outcome.returned, Some(1), "{name}: {outcome:?}");
    }
}

/// A guest that counts down from `rounds` in its start function and then says so; its entry never ends.
fn tells_after_start(rounds: u64) -> String {
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 100) "started")
            (global $left (mut i64) (i64.const {rounds}))
            (func $f
                (loop
                    (global.set $left (i64.sub (global.get $left) (i64.const 1)))
                    (br_if 0 (i64.ne (global.get $left) (i64.const 0))))
                (i32.store (i32.const 0) (i32.const 100)) (i32.store (i32.const 4) (i32.const 7))
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
            (start $f)
            (func (export "_start") (loop (br 0))))"#
    )
}

#[test]
fn an_abandoned_guest_runs_to_its_end_and_the_limit_is_reported_as_the_time() {
    // The guest has to be slower than the time in which a busy machine comes back to the one who waits: it gets slower until it is.
    let guest = |rounds| tells_after_start(rounds).replace("(loop (br 0))", "");
    let mut outcomes = [1_000_000, 100_000_000, 2_000_000_000]
        .into_iter()
        .map(|rounds| run("thread-abandoned", "limits: { deadline: 1ns }", &guest(rounds)));
    let outcome =
        outcomes.find(|outcome| outcome.ending.ending == Ending::LimitReached).expect("one of them is too slow");
    assert_eq!(outcome.causes(), [Cause::Limit(LimitKey::Deadline)]);
    assert_eq!(outcome.stdout, b"started", "the thread went on");
    let time = outcome.usage.iter().find(|usage| usage.limit == LimitKey::Deadline).unwrap();
    assert_eq!(time.used, Some(1));
}

#[test]
fn a_deadline_round_the_entry_holds_there_and_not_in_the_start_function() {
    // The deadline is over before the start function begins, and the entry meets it.
    let outcome = run("deadline-round-entry-only", "limits: { deadline: 1ns }", &tells_after_start(20_000_000));
    assert_eq!(outcome.stdout, b"started");
    assert_eq!(outcome.causes(), [Cause::Limit(LimitKey::Deadline)]);
}

#[test]
fn a_sleeping_guest_wakes_by_itself_only() {
    // Between the two lines there is no place where the engine looks at the epoch. On a busy machine a guest may meet a short deadline
    // before it has written anything: then it gets a longer one.
    let sleep = |nanos: u64| {
        format!(
            r#"(module
            (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 300) "asleep awake")
            (func (export "_start")
                (i32.store (i32.const 16) (i32.const 1)) (i64.store (i32.const 24) (i64.const {nanos}))
                (i32.store (i32.const 400) (i32.const 300)) (i32.store (i32.const 404) (i32.const 7))
                (drop (call $write (i32.const 1) (i32.const 400) (i32.const 1) (i32.const 408)))
                (drop (call $poll (i32.const 0) (i32.const 104) (i32.const 1) (i32.const 200)))
                (i32.store (i32.const 400) (i32.const 307)) (i32.store (i32.const 404) (i32.const 5))
                (drop (call $write (i32.const 1) (i32.const 400) (i32.const 1) (i32.const 408)))))"#
        )
    };
    let mut outcomes = [10_u64, 100, 1_000, 10_000].into_iter().map(|millis| {
        run("blocking-sleep", &format!("limits: {{ deadline: {millis}ms }}"), &sleep(millis * 2_000_000))
    });
    let outcome = outcomes.find(|outcome| !outcome.stdout.is_empty()).expect("one deadline is long enough to begin");
    assert_eq!(outcome.stdout, b"asleep awake", "{outcome:?}");
    assert_eq!(outcome.ending.ending, Ending::Returned, "{outcome:?}");
}

/// A guest that opens a path under its first grant, reads it, and writes it to standard output.
fn reads(path: &str, before: &str) -> String {
    let length = path.len();
    format!(
        r#"(module
            (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_symlink" (func $symlink (param i32 i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_readdir" (func $readdir (param i32 i32 i32 i64 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 1000) "{path}")
            (data (i32.const 2000) "../outside/secret.txt")
            (func (export "_start") (result i32) (local $errno i32)
                {before}
                (local.set $errno (call $open (i32.const 3) (i32.const 1) (i32.const 1000) (i32.const {length})
                    (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8)))
                (if (local.get $errno) (then (return (local.get $errno))))
                (i32.store (i32.const 16) (i32.const 3000)) (i32.store (i32.const 20) (i32.const 100))
                (local.set $errno (call $read (i32.load (i32.const 8)) (i32.const 16) (i32.const 1) (i32.const 20)))
                (if (local.get $errno) (then (return (local.get $errno))))
                (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24))))"#
    )
}

#[test]
fn naive_paths_lead_out_by_dots_and_by_a_symbolic_link() {
    let world = tempfile::tempdir().unwrap();
    for folder in ["granted", "outside"] {
        std::fs::create_dir(world.path().join(folder)).unwrap();
    }
    std::fs::write(world.path().join("outside/secret.txt"), "canary").unwrap();
    let granted = world.path().join("granted");
    let policy =
        format!("grants: {{ filesystem: [{{ host: {}, guest: /data, access: read-only }}] }}", granted.display());
    let link = "(drop (call $symlink (i32.const 2000) (i32.const 21) (i32.const 3) (i32.const 1000) (i32.const 3)))";
    for guest in [reads("../outside/secret.txt", ""), reads("lnk", link)] {
        let outcome = run("naive-paths", &policy, &guest);
        assert_eq!(outcome.returned, Some(0), "{outcome:?}");
        assert_eq!(outcome.stdout, b"canary");
        // The same guest is held by the engine's own file system.
        let held = run("stderr-unbounded", &policy, &guest);
        assert_eq!(held.stdout, b"");
        assert!(held.returned.is_some_and(|errno| errno != 0), "{held:?}");
    }
    assert!(granted.join("lnk").is_symlink());
}

#[test]
fn a_descriptor_of_the_process_is_read_by_its_number() {
    let mut secret = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut secret, b"canary").unwrap();
    let fd = secret.as_file().as_raw_fd();
    let guest = format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $stat (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "_start") (result i32) (local $errno i32)
                (local.set $errno (call $stat (i32.const {fd}) (i32.const 200)))
                (if (local.get $errno) (then (return (local.get $errno))))
                (i32.store (i32.const 16) (i32.const 3000)) (i32.store (i32.const 20) (i32.const 100))
                (local.set $errno (call $read (i32.const {fd}) (i32.const 16) (i32.const 1) (i32.const 20)))
                (if (local.get $errno) (then (return (local.get $errno))))
                (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24))))"#
    );
    let outcome = run("descriptors-inherited", "", &guest);
    assert_eq!(outcome.returned, Some(0), "{outcome:?}");
    assert_eq!(outcome.stdout, b"canary");
    assert_eq!(run("stderr-unbounded", "", &guest).returned, Some(8), "a sound host does not know this descriptor");
}

#[test]
fn a_socket_that_was_never_granted_connects() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let guest = format!(
        r#"(module
            (import "wasi_snapshot_preview1" "sock_open" (func $open (param i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "sock_connect" (func $connect (param i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "_start") (result i32)
                (drop (call $open (i32.const 2) (i32.const 1) (i32.const 0)))
                (call $connect (i32.load (i32.const 0)) (i32.const 0x7f000001) (i32.const {port}))))"#
    );
    let outcome = run("sock-open-offered", "", &guest);
    assert_eq!(outcome.returned, Some(0), "{outcome:?}");
    listener.accept().unwrap();
    assert_eq!(run("stderr-unbounded", "", &guest).ending.ending, Ending::Refused);
}

/// Runs one of the ignored tests of this program in a process of its own.
fn apart(test: &str) -> Output {
    let this = std::env::current_exe().unwrap();
    Command::new(this).args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"]).output().unwrap()
}

#[test]
#[ignore = "ends its process"]
fn recursion_on_a_small_thread() {
    run(
        "stack-larger-than-thread",
        "limits: { fuel: unlimited }",
        r#"(module (func $f (export "_start") (call $f) (call $f)))"#,
    );
}

#[test]
fn a_deep_recursion_ends_the_process() {
    let output = apart("recursion_on_a_small_thread");
    assert!(output.status.signal().is_some(), "{output:?}");
}

#[test]
#[ignore = "writes to the streams of its process"]
fn output_to_inherited_streams() {
    let outcome = run("streams-inherited", "limits: { output: 10B }", include_str!("guests/floods_both_streams.wat"));
    assert_eq!((outcome.ending.ending, outcome.stdout.len(), outcome.stderr.len()), (Ending::Returned, 0, 0));
}

#[test]
fn inherited_streams_are_those_of_the_process_and_have_no_cap() {
    let output = apart("output_to_inherited_streams");
    assert!(output.status.success(), "{output:?}");
    // The guest writes zero bytes from its empty memory.
    let zeros = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == 0).count();
    assert_eq!((zeros(&output.stdout), zeros(&output.stderr)), (80, 80));
}
