//! Sequences of calls against our executor: they get through the door, they find nothing, and a child without `openat2` agrees.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "tests; a child tells its parent by standard output")]

use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gauntlet_fuzzing::sequences::{Health, Options, Runner, Sequence, batch, encode, sequence_of, without_openat2};
use gauntlet_sandbox::Inline;

/// The oracles look at the descriptors of the whole process, so one test runs at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The executor with its work on files on the caller's thread: several times as fast.
fn fast() -> Inline {
    Inline::lifting(vec!["file-threads".to_owned()]).unwrap()
}

/// Runs cases of a seed and gives the trace: error numbers and endings.
fn clean_run(target: &Inline, special_files: bool, seed: u64, cases: u64) -> (Health, Vec<String>) {
    let mut runner = Runner::new(target, Options { special_files, ..Options::default() }).unwrap();
    assert!(runner.keeps_instances());
    let mut trace = Vec::new();
    for case in 0..cases {
        let sequence = sequence_of(seed, case);
        let execution = runner.check(&sequence).unwrap();
        assert_eq!(execution.findings, [], "seed {seed}, case {case}:\n{sequence}");
        let errnos: Vec<String> = execution.errnos.iter().map(u32::to_string).collect();
        trace.push(errnos.join(" "));
    }
    (runner.health().clone(), trace)
}

#[test]
fn sequences_get_through_the_door_and_find_nothing() {
    let _alone = alone();
    let (health, _) = clean_run(&fast(), false, 1, 5000);
    println!("{health}");
    assert_eq!(health.faults(), Vec::<String>::new());
    assert!(health.traps > 0 && health.calls_a_sequence() > 5.0);
}

#[test]
fn special_files_stay_shut_by_every_call() {
    let _alone = alone();
    // With threads, so that a call that waits would end at the deadline and be found.
    clean_run(&Inline::new(), true, 4, 1500);
}

/// What the parent runs in a child of its own: there, `openat2` is not known.
#[test]
#[ignore = "run in a child process by the test below"]
fn in_a_child_without_openat2() {
    without_openat2().unwrap();
    let (health, trace) = clean_run(&fast(), false, 2, 3000);
    assert_eq!(health.faults(), Vec::<String>::new());
    for line in trace {
        println!("TRACE {line}");
    }
}

/// Where a walk by hand is known to answer another error number than the kernel does, about a path or a link with a slash at its end: the
/// function, the answer with `openat2` and the one without.
const KNOWN_DIFFERENCES: &[(&str, &str, &str)] = &[
    // A file to be made: it is a directory, or the path is no good.
    ("path_open", "31", "28"),
    // No good path, or one that leads out: refused either way.
    ("path_open", "28", "63"),
    // The engine opens a directory to set its times, without `openat2` in a way that does not allow it.
    ("path_filestat_set_times", "0", "8"),
    // Nothing is there, or it is no directory.
    ("path_filestat_get", "44", "54"),
];

#[test]
fn without_openat2_nothing_is_found_either_and_the_answers_are_the_same() {
    let _alone = alone();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "in_a_child_without_openat2", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{said}{}", String::from_utf8_lossy(&child.stderr));
    let (_, trace) = clean_run(&fast(), false, 2, 3000);
    let without: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("TRACE ")).collect();
    assert_eq!(without.len(), trace.len());
    for (case, (one, other)) in (0..).zip(trace.iter().zip(without)) {
        let sequence = sequence_of(2, case);
        // What names addresses may write over its own records. After one answer that differs, others may.
        let first = one.split(' ').zip(other.split(' ')).position(|(one, other)| one != other);
        let Some(place) = first.filter(|_| !sequence.names_addresses()) else { continue };
        let call = &sequence.calls[place];
        let answers = [one, other].map(|trace| trace.split(' ').nth(place).unwrap());
        let known = (call.function.name(), answers[0], answers[1]);
        assert!(KNOWN_DIFFERENCES.contains(&known), "case {case}: {known:?}\n{sequence}");
    }
}

#[test]
fn generated_sequences_survive_their_text_and_a_case_stands_alone() {
    for case in 0..500 {
        let sequence = sequence_of(3, case);
        let again: Sequence = sequence.to_string().parse().unwrap();
        assert_eq!(again, sequence);
        assert_eq!(sequence_of(3, case), sequence);
        assert!(encode(&sequence).unwrap().pages() == 1, "it fits the interpreter's page");
    }
}

#[test]
fn a_batch_is_a_sequence_that_shuts_what_it_opened_in_between() {
    let _alone = alone();
    let one: Sequence = "r0 = path_open(3, 0, \"f\", 0, FD_READ, 0, 0, _)\nfd_tell(r0, _)\n".parse().unwrap();
    let batch = batch(&[one.clone(), one]);
    assert_eq!(batch.calls.len(), 5);
    let target = Inline::new();
    let mut runner = Runner::new(&target, Options::default()).unwrap();
    let execution = runner.run(&batch).unwrap();
    assert_eq!(execution.errnos, [0; 5]);
    assert_eq!(execution.findings, []);
}

#[test]
fn a_sequence_goes_on_after_a_trap_and_ends_where_it_leaves_or_has_no_fuel() {
    let _alone = alone();
    let target = Inline::new();
    let mut runner = Runner::new(&target, Options::default()).unwrap();
    let mut errnos = |text: &str| runner.run(&text.parse().unwrap()).unwrap().errnos;
    assert_eq!(errnos("sched_yield()\nguest.trap()\nsched_yield()\n"), [0, 0xfffe, 0]);
    assert_eq!(errnos("proc_exit(0)\nsched_yield()\n"), [0xfffe, 0xffff]);
    assert_eq!(errnos("guest.burn(1000000000)\nsched_yield()\n"), [0xfffe, 0xffff]);
}
