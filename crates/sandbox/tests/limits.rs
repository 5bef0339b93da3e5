//! Each limit that is counted around the guest's calls: the outcome names this limit and no other, and says what was used of it.
#![expect(clippy::unwrap_used, reason = "tests may")]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use gauntlet_policy::Policy;
use gauntlet_record::{Cause, DenialKind, Ending, LimitKey};
use gauntlet_sandbox::Inline;
use gauntlet_target::{GrantUse, Job, Outcome, Target as _};

/// A directory that goes when the test ends.
struct Bench(PathBuf);

impl Bench {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gauntlet-limits-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn grant(&self, access: &str) -> String {
        format!("grants: {{ filesystem: [{{ host: \"{}\", guest: /d, access: {access} }}] }}", self.0.display())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn run(policy: &str, guest: &str) -> Outcome {
    run_lifted(policy, guest, &[])
}

fn run_lifted(policy: &str, guest: &str, lift: &[&str]) -> Outcome {
    let policy = Policy::parse("t", &format!("version: 1\n{policy}\n")).unwrap();
    let guest = wat::parse_str(guest).unwrap();
    let job = Job { guest, policy, nonce: "00000000000000ff".into(), ..Job::default() };
    let target = Inline::lifting(lift.iter().map(|id| (*id).to_owned()).collect()).unwrap();
    target.run(&job).unwrap()
}

fn used(outcome: &Outcome, key: LimitKey) -> u64 {
    outcome.usage.iter().find(|usage| usage.limit == key).unwrap().used.expect("it is counted")
}

fn grant<'a>(outcome: &'a Outcome, name: &str) -> &'a GrantUse {
    outcome.grants.iter().find(|grant| grant.grant == name).unwrap()
}

/// Every cause that the outcome shows is this limit.
fn only(outcome: &Outcome, key: LimitKey) {
    assert_eq!(outcome.causes(), [Cause::Limit(key)], "{outcome:?}");
}

/// A preview 1 guest: imports by name, data at 1024, and a body that returns an i32. `$fd` is a local.
fn guest(body: &str, data: &str) -> String {
    format!(
        r#"(module
        (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_pwrite" (func $fd_pwrite (param i32 i32 i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_renumber" (func $renumber (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_sync" (func $sync (param i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_filestat_set_size" (func $set_size (param i32 i64) (result i32)))
        (import "wasi_snapshot_preview1" "fd_readdir" (func $readdir (param i32 i32 i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "path_unlink_file" (func $unlink (param i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "path_filestat_set_times" (func $times (param i32 i32 i32 i32 i64 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "path_create_directory" (func $mkdir (param i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "path_link" (func $link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "path_symlink" (func $symlink (param i32 i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
        (memory (export "memory") 20)
        (data (i32.const 1024) "{data}")
        ;; Opens the path of a length at 1024 (oflags, fdflags) for reading and writing and answers its descriptor, or 1000 plus the error.
        (func $file (param $length i32) (param $how i32) (param $flags i32) (result i32) (local $errno i32)
            (local.set $errno (call $open (i32.const 3) (i32.const 1) (i32.const 1024) (local.get $length) (local.get $how)
                (i64.const 66) (i64.const 66) (local.get $flags) (i32.const 8)))
            (if (local.get $errno) (then (return (i32.add (i32.const 1000) (local.get $errno)))))
            (i32.load (i32.const 8)))
        ;; Writes so many bytes to a descriptor.
        (func $write (param $fd i32) (param $length i32) (result i32)
            (i32.store (i32.const 16) (i32.const 65536))
            (i32.store (i32.const 20) (local.get $length))
            (call $fd_write (local.get $fd) (i32.const 16) (i32.const 1) (i32.const 24)))
        (func (export "_start") (result i32) (local $fd i32) (local $i i32)
            {body}))"#
    )
}

#[test]
fn globals_count_as_memory_before_anything_runs() {
    let guest = format!("(module {} (func (export \"_start\")))", "(global (mut i64) (i64.const 0))".repeat(5000));
    let outcome = run("limits: { memory: 64KiB }", &guest);
    assert_eq!(outcome.ending.ending, Ending::Refused, "{outcome:?}");
    only(&outcome, LimitKey::Memory);
    assert_eq!(run("limits: { memory: 128KiB }", &guest).ending.ending, Ending::Returned);
}

#[test]
fn host_work_ends_a_run_that_asks_for_random_bytes_without_end() {
    let body = "(loop $again (drop (call $random (i32.const 65536) (i32.const 65536))) (br $again)) (i32.const 0)";
    let outcome = run("limits: { host-work: 1MiB }", &guest(body, ""));
    assert_eq!(outcome.ending.ending, Ending::LimitReached);
    only(&outcome, LimitKey::HostWork);
    assert!((900 << 10..=1 << 20).contains(&used(&outcome, LimitKey::HostWork)), "{outcome:?}");
    assert_eq!(grant(&outcome, "random").bytes_read, 15 << 16);
}

#[test]
fn host_work_is_held_before_it_is_done() {
    let body = "(call $random (i32.const 65536) (i32.const 0x7fff_ffff))";
    let outcome = run("limits: { host-work: 1MiB }", &guest(body, ""));
    only(&outcome, LimitKey::HostWork);
    assert_eq!((used(&outcome, LimitKey::HostWork), grant(&outcome, "random").calls), (0, 0));
}

#[test]
fn every_storm_of_calls_meets_the_budget_for_host_work() {
    let bench = Bench::new("storms");
    for name in 0..50 {
        std::fs::write(bench.0.join(format!("f{name}")), "x").unwrap();
    }
    let storms = [
        "(drop (call $yield))",
        "(drop (call $clock (i32.const 1) (i64.const 0) (i32.const 64)))",
        "(drop (call $readdir (i32.const 3) (i32.const 65536) (i32.const 64) (i64.const 0) (i32.const 64)))",
        "(drop (call $sync (local.get $fd)))",
        "(drop (call $seek (local.get $fd) (i64.const 0) (i32.const 2) (i32.const 64)))",
        "(drop (call $open (i32.const 3) (i32.const 1) (i32.const 1025) (i32.const 1) (i32.const 0) (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 64)))",
        "(drop (call $fd_write (i32.const 1) (i32.const 131072) (i32.const 100000) (i32.const 64)))",
        // A hundred clocks that are over at once.
        "(drop (call $poll (i32.const 131072) (i32.const 262144) (i32.const 100) (i32.const 64)))",
    ];
    for storm in storms {
        let body = format!(
            "(local.set $fd (call $file (i32.const 2) (i32.const 1) (i32.const 0))) (loop $again {storm} (br $again)) (i32.const 0)"
        );
        let policy = format!("limits: {{ host-work: 512KiB }}\n{}", bench.grant("read-write"));
        let outcome = run(&policy, &guest(&body, "f0"));
        assert_eq!(outcome.ending.ending, Ending::LimitReached, "{storm}: {outcome:?}");
        only(&outcome, LimitKey::HostWork);
    }
}

/// A byte of charge stands for about the same time of the host, whatever is charged: these are the calls that work through many things.
#[test]
fn a_call_is_charged_for_each_thing_that_it_works_through() {
    let bench = Bench::new("each");
    for name in 0..50 {
        std::fs::write(bench.0.join(format!("f{name}")), "x").unwrap();
    }
    let work = |call: &str| {
        let outcome = run(&bench.grant("read-only"), &guest(&format!("(drop {call}) (i32.const 0)"), ""));
        used(&outcome, LimitKey::HostWork)
    };
    let readdir = work("(call $readdir (i32.const 3) (i32.const 65536) (i32.const 64) (i64.const 0) (i32.const 64))");
    assert!(readdir > 50 * 1_000, "{readdir}");
    let poll = |count: u32| {
        work(&format!("(call $poll (i32.const 131072) (i32.const 262144) (i32.const {count}) (i32.const 64))"))
    };
    assert_eq!(poll(100) - poll(1), 99 * 256);
    let buffers = |count: u32| {
        work(&format!("(call $fd_write (i32.const 1) (i32.const 131072) (i32.const {count}) (i32.const 64))"))
    };
    assert_eq!(buffers(100) - buffers(1), 99 * 8);
}

#[test]
fn disk_holds_against_appending_sparse_files_and_seeking_past_the_end() {
    let bodies = [
        // Appends without end; the answer is the first error.
        "(local.set $fd (call $file (i32.const 1) (i32.const 1) (i32.const 1)))
         (loop $again (local.set $i (call $write (local.get $fd) (i32.const 10000))) (br_if $again (i32.eqz (local.get $i)))) (local.get $i)",
        "(local.set $fd (call $file (i32.const 1) (i32.const 1) (i32.const 0)))
         (call $set_size (local.get $fd) (i64.const 0x100_0000_0000))",
        "(local.set $fd (call $file (i32.const 1) (i32.const 1) (i32.const 0)))
         (drop (call $seek (local.get $fd) (i64.const 0x100_0000_0000) (i32.const 0) (i32.const 64)))
         (call $write (local.get $fd) (i32.const 1))",
        "(local.set $fd (call $file (i32.const 1) (i32.const 1) (i32.const 0)))
         (i64.store (i32.const 16) (i64.const 0x1_0001_0000))
         (call $fd_pwrite (local.get $fd) (i32.const 16) (i32.const 1) (i64.const 0x100_0000_0000) (i32.const 64))",
        // Writes, unlinks and writes the next.
        "(loop $again
            (local.set $fd (call $file (i32.const 1) (i32.const 1) (i32.const 0)))
            (local.set $i (call $write (local.get $fd) (i32.const 10000)))
            (drop (call $close (local.get $fd)))
            (drop (call $unlink (i32.const 3) (i32.const 1024) (i32.const 1)))
            (br_if $again (i32.eqz (local.get $i)))) (local.get $i)",
    ];
    for (at, body) in bodies.into_iter().enumerate() {
        let bench = Bench::new(&format!("disk-{at}"));
        let outcome = run(&format!("limits: {{ disk: 64KiB }}\n{}", bench.grant("read-write")), &guest(body, "a"));
        assert_eq!(outcome.returned, Some(51), "{body}: {outcome:?}");
        only(&outcome, LimitKey::Disk);
        assert!(used(&outcome, LimitKey::Disk) <= 64 << 10);
        let held = std::fs::metadata(bench.0.join("a")).map_or(0, |meta| meta.len());
        assert!(held <= 64 << 10, "{body}: {held}");
        assert_eq!(outcome.denials[0].limit, Some(64 << 10));
    }
}

#[test]
fn a_file_that_is_written_anew_again_and_again_takes_its_size_once() {
    let bodies = [
        // Truncated by opening it.
        "(loop $again
            (local.set $fd (call $file (i32.const 1) (i32.const 9) (i32.const 0)))
            (if (call $write (local.get $fd) (i32.const 40000)) (then (return (i32.const 1))))
            (drop (call $close (local.get $fd)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 20)))) (i32.const 0)",
        // Truncated by its size.
        "(local.set $fd (call $file (i32.const 1) (i32.const 1) (i32.const 1)))
         (loop $again
            (if (call $write (local.get $fd) (i32.const 40000)) (then (return (i32.const 1))))
            (if (call $set_size (local.get $fd) (i64.const 0)) (then (return (i32.const 2))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 20)))) (i32.const 0)",
    ];
    for (at, body) in bodies.into_iter().enumerate() {
        let bench = Bench::new(&format!("anew-{at}"));
        let outcome = run(&format!("limits: {{ disk: 64KiB }}\n{}", bench.grant("read-write")), &guest(body, "a"));
        assert_eq!((outcome.returned, outcome.causes()), (Some(0), vec![]), "{body}: {outcome:?}");
        assert_eq!(used(&outcome, LimitKey::Disk), 40000);
        assert_eq!(used(&outcome, LimitKey::Files), 1);
        assert_eq!(grant(&outcome, "/d").bytes_written, 800_000);
    }
}

#[test]
fn files_are_names_of_every_kind_and_none_is_given_back() {
    let bodies = [
        "(loop $again
            (i32.store8 (i32.const 1024) (i32.add (i32.const 65) (local.get $i)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (local.set $fd (call $file (i32.const 1) (i32.const 1) (i32.const 0)))
            (if (i32.gt_u (local.get $fd) (i32.const 1000)) (then (return (i32.sub (local.get $fd) (i32.const 1000)))))
            (drop (call $close (local.get $fd)))
            (drop (call $unlink (i32.const 3) (i32.const 1024) (i32.const 1)))
            (br $again)) (i32.const 0)",
        "(loop $again
            (i32.store8 (i32.const 1024) (i32.add (i32.const 65) (local.get $i)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (local.set $fd (call $mkdir (i32.const 3) (i32.const 1024) (i32.const 1)))
            (br_if $again (i32.eqz (local.get $fd)))) (local.get $fd)",
        "(drop (call $close (call $file (i32.const 1) (i32.const 1) (i32.const 0))))
         (loop $again
            (i32.store8 (i32.const 1025) (i32.add (i32.const 66) (local.get $i)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (local.set $fd (call $link (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const 1) (i32.const 3) (i32.const 1025) (i32.const 1)))
            (br_if $again (i32.eqz (local.get $fd)))) (local.get $fd)",
        "(loop $again
            (i32.store8 (i32.const 1025) (i32.add (i32.const 66) (local.get $i)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (local.set $fd (call $symlink (i32.const 1024) (i32.const 1) (i32.const 3) (i32.const 1025) (i32.const 1)))
            (br_if $again (i32.eqz (local.get $fd)))) (local.get $fd)",
    ];
    for (at, body) in bodies.into_iter().enumerate() {
        let bench = Bench::new(&format!("files-{at}"));
        let outcome = run(&format!("limits: {{ files: 5 }}\n{}", bench.grant("read-write")), &guest(body, "A"));
        assert_eq!(outcome.returned, Some(51), "{body}: {outcome:?}");
        only(&outcome, LimitKey::Files);
        assert_eq!(used(&outcome, LimitKey::Files), 5, "{body}");
        assert!(std::fs::read_dir(&bench.0).unwrap().count() <= 5);
    }
}

#[test]
fn limits_of_nothing_hold_nothing_and_let_reading_through() {
    let bench = Bench::new("nothing");
    std::fs::write(bench.0.join("a"), "old").unwrap();
    let policy = format!("limits: {{ disk: 0B, files: 0 }}\n{}", bench.grant("read-write"));
    let make = "(i32.sub (call $file (i32.const 1) (i32.const 1) (i32.const 0)) (i32.const 1000))";
    only(&run(&policy, &guest(make, "b")), LimitKey::Files);
    let grow = "(local.set $fd (call $file (i32.const 1) (i32.const 0) (i32.const 1))) (call $write (local.get $fd) (i32.const 1))";
    only(&run(&policy, &guest(grow, "a")), LimitKey::Disk);
    let read = "(local.set $fd (call $file (i32.const 1) (i32.const 0) (i32.const 0)))
        (i64.store (i32.const 16) (i64.const 0x8_0001_0000))
        (drop (call $fd_read (local.get $fd) (i32.const 16) (i32.const 1) (i32.const 24))) (i32.load (i32.const 24))";
    let outcome = run(&policy, &guest(read, "a"));
    assert_eq!((outcome.returned, outcome.causes()), (Some(3), vec![]), "{outcome:?}");
    let used = grant(&outcome, "/d");
    assert_eq!((used.bytes_read, used.bytes_written, used.files_opened), (3, 0, 1));
    assert_eq!(std::fs::read(bench.0.join("a")).unwrap(), b"old");
}

#[test]
fn a_read_only_grant_denies_the_path_and_no_limit() {
    let bench = Bench::new("read-only");
    let policy = format!("limits: {{ disk: 0B, files: 0 }}\n{}", bench.grant("read-only"));
    for body in [
        "(call $file (i32.const 1) (i32.const 1) (i32.const 0))",
        "(call $mkdir (i32.const 3) (i32.const 1024) (i32.const 1))",
        "(call $symlink (i32.const 1024) (i32.const 1) (i32.const 3) (i32.const 1024) (i32.const 1))",
    ] {
        let outcome = run(&policy, &guest(body, "a"));
        assert_eq!(outcome.causes(), [Cause::Denied(DenialKind::Path)], "{body}: {outcome:?}");
    }
}

#[test]
fn what_is_no_file_stays_shut_and_nobody_waits_for_it() {
    let bench = Bench::new("special");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, bench.0.join("a"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(bench.0.join("b")).unwrap();
    std::os::unix::fs::symlink("a", bench.0.join("c")).unwrap();
    for name in ["a", "b", "c"] {
        let body = "(i32.sub (call $file (i32.const 1) (i32.const 0) (i32.const 0)) (i32.const 1000))";
        let outcome = run(&format!("limits: {{ deadline: 10s }}\n{}", bench.grant("read-write")), &guest(body, name));
        assert_eq!(outcome.returned, Some(2), "{name}: {outcome:?}");
        assert_eq!(outcome.causes(), [Cause::Denied(DenialKind::Path)], "{name}: {outcome:?}");
    }
    // To set the times of what a link leads to, the engine opens it; without links it does not.
    let grant = format!("limits: {{ deadline: 10s }}\n{}", bench.grant("read-write"));
    for name in ["a", "b", "c"] {
        let times = "(call $times (i32.const 3) (i32.const 1) (i32.const 1024) (i32.const 1) (i64.const 1) (i64.const 1) (i32.const 4))";
        let outcome = run(&grant, &guest(times, name));
        assert_eq!(outcome.returned, Some(2), "{name}: {outcome:?}");
        assert_eq!(outcome.causes(), [Cause::Denied(DenialKind::Path)], "{name}: {outcome:?}");
        let itself = times.replacen("(i32.const 1)", "(i32.const 0)", 1);
        assert_eq!(run(&grant, &guest(&itself, name)).returned, Some(0), "{name}");
    }
    // Without the protection the guest waits for somebody to write, until the deadline.
    let body = "(call $file (i32.const 1) (i32.const 0) (i32.const 0))";
    let guest = guest(body, "a").replace("(i64.const 66)", "(i64.const 2)");
    let outcome =
        run_lifted(&format!("limits: {{ deadline: 50ms }}\n{}", bench.grant("read-only")), &guest, &["special-files"]);
    only(&outcome, LimitKey::Deadline);
}

#[test]
fn a_component_sets_no_times_through_a_link_to_what_is_no_file_and_does_not_wait_for_it() {
    let bench = Bench::new("special-component");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, bench.0.join("fifo"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    std::os::unix::fs::symlink("fifo", bench.0.join("input.txt")).unwrap();
    let folder = "../../attacks/files-write/component-changes-read-only-by-path/attack.wat";
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
    // With links followed or not, to the time that is now: the answer is a byte that says whether it failed, and the error.
    let outcome = |follow: u8, lift: &[&str]| {
        let call = format!(
            "(call $set-times-at (local.get $root) (i32.const {follow}) (i32.const 512) (i32.const 9) (i32.const 1) (i64.const 0) \
             (i32.const 0) (i32.const 1) (i64.const 0) (i32.const 0) (i32.const 288)) \
             (if (i32.load8_u (i32.const 288)) (then (return (i32.const 1))))"
        );
        let deadline = if lift.is_empty() { "10s" } else { "50ms" };
        let policy = format!("limits: {{ deadline: {deadline} }}\n{}", bench.grant("read-write"));
        run_lifted(&policy, &text.replace("{{call}}", &call), lift)
    };
    assert_eq!(outcome(1, &[]).causes(), [Cause::Denied(DenialKind::Path)], "{:?}", outcome(1, &[]));
    let itself = outcome(0, &[]);
    assert_eq!((itself.ending.ending, itself.causes()), (Ending::Returned, vec![]), "{itself:?}");
    // Without the protection the engine opens it, and waits for somebody who reads, until the deadline.
    only(&outcome(1, &["special-files"]), LimitKey::Deadline);
}

#[test]
fn closing_what_was_never_opened_makes_no_room_for_another_file() {
    let bench = Bench::new("room");
    std::fs::write(bench.0.join("a"), "").unwrap();
    let policy = format!("limits: {{ open-files: 2 }}\n{}", bench.grant("read-only"));
    let open = "(drop (call $file (i32.const 1) (i32.const 0) (i32.const 0)))";
    for freed in [
        "(drop (call $close (i32.const 0)))",
        "(drop (call $renumber (i32.const 4) (i32.const 4)))",
        "(drop (call $renumber (i32.const 1) (i32.const 2)))",
    ] {
        let body = format!(
            "{open} {open} {freed} (i32.sub (call $file (i32.const 1) (i32.const 0) (i32.const 0)) (i32.const 1000))"
        );
        let guest = guest(&body, "a").replace("(i64.const 66)", "(i64.const 2)");
        let outcome = run(&policy, &guest);
        assert_eq!(outcome.returned, Some(33), "{freed}: {outcome:?}");
        only(&outcome, LimitKey::OpenFiles);
        assert_eq!(used(&outcome, LimitKey::OpenFiles), 2);
    }
}

#[test]
fn the_first_denial_ends_the_run_where_the_policy_says_so() {
    let bench = Bench::new("trap");
    let cases = [
        ("a", "(memory.grow (i32.const 4000))", Ending::LimitReached, Cause::Limit(LimitKey::Memory)),
        (
            "..",
            "(call $file (i32.const 2) (i32.const 0) (i32.const 0))",
            Ending::Trapped,
            Cause::Denied(DenialKind::Path),
        ),
        ("a", "(call $close (i32.const 77))", Ending::Trapped, Cause::Denied(DenialKind::Descriptor)),
        (
            "a",
            "(call $file (i32.const 1) (i32.const 1) (i32.const 0))",
            Ending::LimitReached,
            Cause::Limit(LimitKey::Files),
        ),
        ("a", "(call $write (i32.const 1) (i32.const 9))", Ending::LimitReached, Cause::Limit(LimitKey::Output)),
    ];
    for (data, call, ending, cause) in cases {
        let guest = guest(&format!("(drop {call}) (i32.const 7)"), data);
        let policy = format!("limits: {{ files: 0, output: 8B }}\n{}", bench.grant("read-write"));
        let outcome = run(&policy, &guest);
        assert_eq!((outcome.returned, outcome.ending.cause), (Some(7), None), "{call}: {outcome:?}");
        assert_eq!(outcome.causes(), [cause], "{call}: {outcome:?}");
        let outcome = run(&format!("on-denial: trap\n{policy}"), &guest);
        assert_eq!((outcome.ending.ending, outcome.ending.cause), (ending, Some(cause)), "{call}: {outcome:?}");
    }
}

#[test]
fn an_error_of_the_guests_own_is_no_denial_and_ends_nothing() {
    let bench = Bench::new("own");
    for call in [
        "(call $file (i32.const 1) (i32.const 0) (i32.const 0))",
        "(call $prestat (i32.const 4) (i32.const 64))",
        "(call $clock (i32.const 2) (i64.const 0) (i32.const 64))",
    ] {
        let guest = guest(&format!("(drop {call}) (i32.const 7)"), "a").replace("(i64.const 66)", "(i64.const 2)");
        let outcome = run(&format!("on-denial: trap\n{}", bench.grant("read-only")), &guest);
        assert_eq!((outcome.returned, outcome.causes()), (Some(7), vec![]), "{call}: {outcome:?}");
    }
}

/// The network guest of the corpus, connecting to its nonce's port: `after` runs with `$in` and `$out`, the streams.
fn network_guest(before: &str, after: &str) -> String {
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../attacks/network/component-leaves-its-grant/attack.wat"),
    )
    .unwrap();
    let text = text.replace(
        "(export \"[method]tcp-socket.start-connect\" (func",
        "(export \"[method]tcp-socket.start-bind\" (func
      (param \"self\" (borrow $tcp-socket)) (param \"network\" (borrow $network)) (param \"local-address\" $ip-socket-address)
      (result (result (error $error-code)))))
    (export \"[method]tcp-socket.start-connect\" (func",
    );
    let text = text.replace(
        "  (core func $start-connect (canon",
        "  (core func $start-bind (canon lower (func $tcp \"[method]tcp-socket.start-bind\") (memory $libc \"memory\")))
  (core func $start-connect (canon",
    );
    let parameters = "(param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)";
    let text = text.replace(
        "    (import \"host\" \"start-connect\"",
        &format!("    (import \"host\" \"start-bind\" (func $start-bind {parameters}))\n    (import \"host\" \"start-connect\""),
    );
    let text = text.replace(
        "      (export \"start-connect\" (func $start-connect))",
        "      (export \"start-bind\" (func $start-bind))\n      (export \"start-connect\" (func $start-connect))",
    );
    let text = text.replace(
        "      (call $start-connect (local.get $socket)",
        &format!("{before}\n      (call $start-connect (local.get $socket)"),
    );
    text.replace(
        "(if (i32.eqz (i32.load8_u (i32.const 288))) (then (return (i32.const 0))))",
        &format!("(if (i32.eqz (i32.load8_u (i32.const 288))) (then {after} (return (i32.const 0))))"),
    )
}

fn connect(limits: &str, before: &str, after: &str) -> (Outcome, Vec<u8>) {
    connect_lifted(limits, before, after, &[])
}

fn connect_lifted(limits: &str, before: &str, after: &str, lift: &[&str]) -> (Outcome, Vec<u8>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let text = format!("version: 1\n{limits}\ngrants: {{ network: [{{ connect: \"127.0.0.1:{port}\" }}] }}\n");
    let policy = Policy::parse("t", &text).unwrap();
    let guest = wat::parse_str(network_guest(before, after)).unwrap();
    let job = Job { guest, policy, nonce: format!("000000000000{port:04x}"), ..Job::default() };
    let target = Inline::lifting(lift.iter().map(|id| (*id).to_owned()).collect()).unwrap();
    let outcome = target.run(&job).unwrap();
    listener.set_nonblocking(true).unwrap();
    let mut arrived = Vec::new();
    if let Ok((mut stream, _)) = listener.accept() {
        stream.set_nonblocking(false).unwrap();
        let _ = stream.write_all(b"");
        stream.read_to_end(&mut arrived).unwrap();
    }
    (outcome, arrived)
}

#[test]
fn connections_are_counted_by_the_try() {
    let (outcome, arrived) = connect("limits: { connections: 0 }", "", "");
    only(&outcome, LimitKey::Connections);
    assert_eq!((used(&outcome, LimitKey::Connections), arrived.len()), (0, 0));
    let (outcome, _) = connect("limits: { connections: 1 }", "", "");
    assert_eq!((outcome.ending.ending, outcome.causes()), (Ending::Returned, vec![]), "{outcome:?}");
    assert_eq!(used(&outcome, LimitKey::Connections), 1);
    assert_eq!(outcome.grants.iter().map(|grant| grant.network_tries).sum::<u64>(), 1);
}

/// Writes 16 bytes to the connection.
const SEND: &str = "(call $write (i32.load (i32.const 296)) (i32.const 0) (i32.const 16) (i32.const 320))
    (if (i32.load8_u (i32.const 320)) (then (return (i32.const 1))))";

#[test]
fn network_bytes_are_refused_before_they_go() {
    let (outcome, arrived) = connect("limits: { connections: 1, network-bytes: 20B }", "", &format!("{SEND} {SEND}"));
    only(&outcome, LimitKey::NetworkBytes);
    assert_eq!((used(&outcome, LimitKey::NetworkBytes), arrived.len()), (16, 16));
    let (outcome, arrived) = connect("limits: { connections: 1, network-bytes: 32B }", "", &format!("{SEND} {SEND}"));
    assert_eq!((outcome.ending.ending, outcome.causes()), (Ending::Returned, vec![]), "{outcome:?}");
    assert_eq!((used(&outcome, LimitKey::NetworkBytes), arrived.len()), (32, 32));
    assert_eq!(outcome.grants.last().unwrap().bytes_written, 32);
}

/// Binds the socket to a port of the guest's own, at the address that stands for every address.
const BIND: &str = "(call $start-bind (local.get $socket) (call $instance-network)
    (i32.const 0) (i32.const 0x7a31) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 272))
    (return (i32.load8_u (i32.const 272)))";

#[test]
fn a_port_of_its_own_is_counted() {
    let (outcome, _) = connect("limits: { connections: 1 }", BIND, "");
    only(&outcome, LimitKey::Ports);
    let (outcome, _) = connect("limits: { connections: 1, ports: 1 }", BIND, "");
    // Whether the system has the port to give is not ours to say.
    assert_eq!((used(&outcome, LimitKey::Ports), outcome.causes()), (1, vec![]), "{outcome:?}");
}

#[test]
fn a_component_ends_at_its_first_denial_where_the_policy_says_so() {
    let (outcome, _) = connect("on-denial: trap\nlimits: { connections: 0 }", "", "");
    assert_eq!(outcome.ending.ending, Ending::LimitReached, "{outcome:?}");
    only(&outcome, LimitKey::Connections);
}

#[test]
fn a_component_meets_the_budget_for_host_work() {
    let storm = "(loop $storm (drop (call $instance-network)) (br $storm))";
    let (outcome, _) = connect("limits: { host-work: 4KiB, handles: 100_000 }", storm, "");
    assert_eq!(outcome.ending.ending, Ending::LimitReached, "{outcome:?}");
    only(&outcome, LimitKey::HostWork);
}

/// The places of a grant, as `path` with `+` where it was changed and `/` where its inside was used.
fn places(outcome: &Outcome, name: &str) -> Vec<String> {
    let mark = |set: bool, mark: &'static str| if set { mark } else { "" };
    let places = grant(outcome, name).places.iter();
    places.map(|place| format!("{}{}{}", place.name, mark(place.directory, "/"), mark(place.changed, "+"))).collect()
}

#[test]
fn an_outcome_says_which_places_beneath_a_grant_were_used() {
    let bench = Bench::new("places");
    std::fs::create_dir(bench.0.join("in")).unwrap();
    std::fs::write(bench.0.join("in/a"), "x").unwrap();
    std::fs::write(bench.0.join("b"), "x").unwrap();
    // Opens `in`, then `a` in there to read; looks for what is not there; asks for what leads out; lists; makes a directory.
    let open = |fd: &str, at: u32, length: u32| {
        format!(
            "(drop (call $open {fd} (i32.const 0) (i32.const {at}) (i32.const {length}) (i32.const 0) (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 8)))"
        )
    };
    let body = [
        open("(i32.const 3)", 1024, 2),
        "(local.set $fd (i32.load (i32.const 8)))".into(),
        open("(local.get $fd)", 1026, 1),
        open("(i32.const 3)", 1027, 7),
        open("(i32.const 3)", 1034, 5),
        "(drop (call $readdir (local.get $fd) (i32.const 65536) (i32.const 64) (i64.const 0) (i32.const 64)))".into(),
        "(drop (call $mkdir (i32.const 3) (i32.const 1039) (i32.const 3)))".into(),
        "(i32.const 0)".into(),
    ];
    let text = guest(&body.concat(), "inamissing../b/new");
    let outcome = run(&bench.grant("read-write"), &text);
    assert_eq!(places(&outcome, "/d"), ["in/", "in/a", "missing", "new+"], "{outcome:?}");
    // What is denied is a denial, and no place that was used.
    let outcome = run(&bench.grant("read-only"), &text);
    assert_eq!(places(&outcome, "/d"), ["in/", "in/a", "missing"], "{outcome:?}");
    // A file that is opened so that it could be written counts as changed.
    let outcome =
        run(&bench.grant("read-write"), &guest("(call $file (i32.const 1) (i32.const 0) (i32.const 0))", "b"));
    assert_eq!(places(&outcome, "/d"), ["b+"]);
    let none = run(&bench.grant("read-write"), &guest("(i32.const 0)", ""));
    assert_eq!(places(&none, "/d"), Vec::<String>::new());
}

#[test]
fn an_outcome_says_whether_arguments_and_variables_were_read_and_which_address_was_tried() {
    let (outcome, _) = connect("limits: { connections: 8, network-bytes: 1KiB }", "", "");
    assert!(grant(&outcome, "arguments").calls > 0 && grant(&outcome, "environment").calls == 0, "{outcome:?}");
    let tried = outcome.grants.last().unwrap();
    assert!(tried.places.iter().map(|place| &place.name).eq([&tried.grant]));
}

#[test]
fn a_shared_memory_is_charged_whole_since_nobody_sees_it_grow() {
    let guest = |pages: u32| {
        format!(
            "(module (memory 1 {pages} shared) (func (export \"_start\") (result i32) (memory.grow (i32.const 60))))"
        )
    };
    let policy = "limits: { memory: 1MiB }\nfeatures: { threads: true }";
    only(&run(policy, &guest(64)), LimitKey::Memory);
    let outcome = run(policy, &guest(16));
    assert_eq!((outcome.returned, outcome.causes()), (Some(0xffff_ffff), vec![]), "{outcome:?}");
    assert_eq!(used(&outcome, LimitKey::Memory), 1 << 20);
    let outcome = run("limits: { memory: 1MiB }", &guest(16));
    assert_eq!(outcome.causes(), [Cause::Denied(DenialKind::Feature)]);
}

#[test]
fn a_guest_that_was_refused_used_nothing() {
    let outcome = run("", "(module (import \"x\" \"y\" (func)))");
    for key in [
        LimitKey::HostWork,
        LimitKey::Disk,
        LimitKey::Files,
        LimitKey::Connections,
        LimitKey::NetworkBytes,
        LimitKey::Ports,
    ] {
        assert_eq!(used(&outcome, key), 0);
    }
}
