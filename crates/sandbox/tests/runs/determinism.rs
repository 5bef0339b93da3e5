use std::fs;
use std::path::Path;

use gauntlet_record::{Ending, LimitKey};
use gauntlet_sandbox::DETERMINISTIC_EPOCH;
use gauntlet_target::Outcome;

use crate::{run, used};

/// Writes to standard output: the calendar, the monotonic clock before and after a sleep of an hour, 16 random bytes, the bits of a NaN
/// that it makes, the status of `b`, and a listing of its directory.
const GUEST: &str = r#"(module
    (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_readdir" (func $readdir (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_filestat_get" (func $stat (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "b")
    (func (export "_start")
        (drop (call $clock (i32.const 0) (i64.const 1) (i32.const 1024)))
        (drop (call $clock (i32.const 1) (i64.const 1) (i32.const 1032)))
        ;; Two timers, of an hour and of two: the nearer one fires alone.
        (i64.store (i32.const 64) (i64.const 7)) (i32.store (i32.const 80) (i32.const 1))
        (i64.store (i32.const 88) (i64.const 3600000000000))
        (i64.store (i32.const 112) (i64.const 8)) (i32.store (i32.const 128) (i32.const 1))
        (i64.store (i32.const 136) (i64.const 7200000000000))
        (drop (call $poll (i32.const 64) (i32.const 256) (i32.const 2) (i32.const 1040)))
        (i64.store (i32.const 1048) (i64.load (i32.const 256)))
        (drop (call $clock (i32.const 1) (i64.const 1) (i32.const 1056)))
        (drop (call $random (i32.const 1064) (i32.const 16)))
        (i64.store (i32.const 1080) (i64.reinterpret_f64 (f64.div (f64.load (i32.const 2048)) (f64.load (i32.const 2048)))))
        (drop (call $stat (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1088)))
        (drop (call $readdir (i32.const 3) (i32.const 1160) (i32.const 800) (i64.const 0) (i32.const 1152)))
        (i64.store (i32.const 32) (i64.const 0x3a8_0000_0400))
        (drop (call $write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 40)))))"#;

fn directory(names: &[&str]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in names {
        fs::write(directory.path().join(name), name).unwrap();
    }
    directory
}

fn policy(directory: &Path, rest: &str) -> String {
    let host = directory.display();
    format!("version: 1\ngrants: {{ filesystem: [{{ host: '{host}', guest: /, access: read-only }}] }}\n{rest}")
}

fn number(outcome: &Outcome, at: usize) -> u64 {
    u64::from_le_bytes(outcome.stdout[at..at + 8].try_into().unwrap())
}

#[test]
fn the_same_guest_twice_does_the_same_wherever_its_files_lie() {
    let (one, other) = (directory(&["a", "b", "c", "long-name"]), directory(&["long-name", "c", "b", "a"]));
    fs::File::open(other.path().join("b")).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    let first = run(GUEST, &policy(one.path(), "deterministic: true\n"));
    let second = run(GUEST, &policy(other.path(), "deterministic: true\n"));
    assert_eq!(first.ending.ending, Ending::Returned, "{}", first.ending.detail);
    assert_eq!(first.stdout.len(), 0x3a8);
    assert_eq!(first.stdout, second.stdout);
    assert_eq!(first.ending, second.ending);
    assert_eq!(used(&first, LimitKey::Fuel), used(&second, LimitKey::Fuel));

    // The calendar begins where the documentation says, and nothing of the host's is in the answer.
    assert_eq!(number(&first, 0) / 1_000_000_000, DETERMINISTIC_EPOCH);
    assert_eq!(number(&first, 16) & 0xffff_ffff, 1, "one timer fired");
    assert_eq!(number(&first, 24), 7, "the nearer one");
    let slept = number(&first, 32) - number(&first, 8);
    assert_eq!(slept, 3_600_000_000_000 + 1_000_000, "the sleep and one reading");
    let random = &first.stdout[40..56];
    assert!(random.iter().any(|byte| *byte != random[0]), "{random:?}");
    assert_eq!(number(&first, 56), 0x7ff8_0000_0000_0000, "the canonical NaN");
    assert_eq!(&first.stdout[64 + 40..64 + 64], [0; 24], "no file times");
    let listing = &first.stdout[136..];
    let place = |name: &[u8]| listing.windows(name.len()).position(|window| window == name).unwrap();
    assert!(place(b"long-name") > place(b"c") && place(b"c") > place(b"b") && place(b"b") > place(b"a"));
}

#[test]
fn without_it_the_hosts_time_and_its_random_numbers_are_seen() {
    let directory = directory(&["b"]);
    let guest = GUEST.replace("3600000000000", "1").replace("7200000000000", "2");
    let first = run(&guest, &policy(directory.path(), ""));
    let second = run(&guest, &policy(directory.path(), ""));
    assert!(number(&first, 0) / 1_000_000_000 > DETERMINISTIC_EPOCH + 600_000_000);
    assert_ne!(first.stdout[40..56], second.stdout[40..56]);
}

#[test]
fn seeded_random_numbers_come_from_the_seed_alone() {
    let directory = directory(&["b"]);
    let guest = GUEST.replace("3600000000000", "1").replace("7200000000000", "2");
    let random = |grant: &str| {
        let host = directory.path().display();
        let policy = format!(
            "version: 1\ngrants:\n  filesystem: [{{ host: '{host}', guest: /, access: read-only }}]\n  random: {grant}\n"
        );
        run(&guest, &policy).stdout[40..56].to_vec()
    };
    assert_eq!(random("seeded"), random("seeded"));
    assert_eq!(random("{ seed: 42 }"), random("{ seed: 42 }"));
    assert_ne!(random("{ seed: 42 }"), random("{ seed: 43 }"));
    assert_ne!(random("seeded"), random("{ seed: 42 }"));
}

#[test]
fn a_wait_for_standard_input_and_a_timer_is_answered_by_what_is_ready() {
    let guest = r#"(module
        (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "f") (result i64)
            (i32.store (i32.const 80) (i32.const 1)) (i64.store (i32.const 88) (i64.const 3600000000000))
            (i64.store (i32.const 112) (i64.const 9)) (i32.store8 (i32.const 120) (i32.const 1))
            (if (call $poll (i32.const 64) (i32.const 256) (i32.const 2) (i32.const 400)) (then (return (i64.const -1))))
            ;; The number of events and the user data of the first.
            (i64.add (i64.mul (i64.extend_i32_u (i32.load (i32.const 400))) (i64.const 100)) (i64.load (i32.const 256)))))"#;
    let mut job = crate::job(guest, "version: 1\ndeterministic: true\n");
    job.entry = Some("f".into());
    let outcome = gauntlet_target::Target::run(&gauntlet_sandbox::Inline::new(), &job).unwrap();
    assert_eq!(outcome.returned, Some(109), "{outcome:?}");
}

#[test]
fn wrong_pointers_are_answered_as_ever() {
    let guest = r#"(module
        (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_readdir" (func $readdir (param i32 i32 i32 i64 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "f") (result i64)
            (drop (call $poll (i32.const 0) (i32.const 65530) (i32.const 1) (i32.const 400)))
            (drop (call $poll (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 400)))
            (drop (call $readdir (i32.const 3) (i32.const 65530) (i32.const 100) (i64.const 0) (i32.const 0)))
            (i64.const 5)))"#;
    for rest in ["deterministic: true\n", ""] {
        let mut job = crate::job(guest, &format!("version: 1\n{rest}"));
        job.entry = Some("f".into());
        let outcome = gauntlet_target::Target::run(&gauntlet_sandbox::Inline::new(), &job).unwrap();
        assert!(matches!(outcome.ending.ending, Ending::Returned | Ending::Trapped), "{outcome:?}");
    }
}

/// A component that writes: the monotonic clock before and after a sleep of an hour, a random number, the seed for insecure random
/// numbers, whether `b` has times, its identity, and the names in its directory.
const COMPONENT: &str = include_str!("determinism.component.wat");

#[test]
fn a_component_is_deterministic_too() {
    let (one, other) = (directory(&["a", "b", "c"]), directory(&["c", "b", "a"]));
    let first = run(COMPONENT, &policy(one.path(), "deterministic: true\n"));
    let second = run(COMPONENT, &policy(other.path(), "deterministic: true\n"));
    assert_eq!(first.ending.ending, Ending::Returned, "{}", first.ending.detail);
    assert_eq!(first.stdout, second.stdout);
    assert_eq!(used(&first, LimitKey::Fuel), used(&second, LimitKey::Fuel));
    assert_eq!(number(&first, 8) - number(&first, 0), 3_600_000_000_000 + 1_000_000);
    assert_eq!(&first.stdout[40..43], [0, 0, 0], "no file times");
    assert_eq!(&first.stdout[64..], b"a,b,c,");
}

#[test]
fn the_clock_of_a_run_that_is_lifted_is_the_hosts() {
    let directory = directory(&["b"]);
    let guest = GUEST.replace("3600000000000", "1").replace("7200000000000", "2");
    let mut job = crate::job(&guest, &policy(directory.path(), "deterministic: true\n"));
    job.entry = None;
    let lifted = gauntlet_sandbox::Inline::lifting(vec!["deterministic".into()]).unwrap();
    let outcome = gauntlet_target::Target::run(&lifted, &job).unwrap();
    assert!(number(&outcome, 0) / 1_000_000_000 > DETERMINISTIC_EPOCH + 600_000_000);
}
