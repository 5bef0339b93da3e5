//! The nine things that a sandbox has to hold against, end to end: the real program, the preset `strict`, and what the record says of it.
//!
//! A pass needs all of a proof: the attack was stopped for the expected typed cause, its live control worked on this host, and its benign
//! twin did its work under the same policy. Where the guest was told no and went on, what it asked for is in the record all the same.

#![expect(clippy::unwrap_used, reason = "a test may")]

mod support;

use gauntlet_record::{Cause, DenialKind, Ending, LimitKey, Record, Role, Run, Trial, Verdict, Why, exit};
use gauntlet_target::Outcome;
use support::Home;

/// Runs the attacks whose id contains a text, all of which have to be contained.
fn attacked(filter: &str) -> Record {
    let home = Home::new();
    let run = ["run", "--policy", "strict", "--filter", filter, "--output", "out", "--format", "json"];
    let done = home.gauntlet(&run).ended(exit::CLEAN);
    let printed: Record = serde_json::from_str(&done.stdout).unwrap();
    let sealed = home.record("out");
    assert!(sealed.complete && !sealed.trials.is_empty(), "{filter} selects nothing");
    assert_eq!(printed.trials, sealed.trials);
    sealed
}

/// The run under the policy of a trial that is proved.
#[track_caller]
fn proved(trial: &Trial, cause: Cause) -> &Run {
    let seen = (trial.verdict, trial.why, trial.cause, trial.witnessed);
    assert_eq!(seen, (Verdict::Contained, Why::Stopped, Some(cause), true), "{}: {}", trial.attack, trial.reason);
    assert!(trial.run(Role::Live).unwrap().obtained && trial.run(Role::Benign).unwrap().obtained, "{}", trial.attack);
    let run = trial.run(Role::Attack).unwrap();
    assert!(!run.obtained && !run.measured.watchdog && run.measured.host_death.is_none(), "{}", trial.attack);
    run
}

#[track_caller]
fn only(record: &Record) -> &Trial {
    let [trial] = record.trials.as_slice() else { panic!("{} trials", record.trials.len()) };
    trial
}

/// Limit and number of what was denied under a limit.
#[track_caller]
fn denied(run: &Run, key: LimitKey) -> (u64, u64) {
    let denial =
        run.denials.iter().find(|denial| denial.cause == Cause::Limit(key)).expect("the denial is in the record");
    let asked = denial.asked.as_str().rsplit(' ').next().unwrap().parse().unwrap();
    (denial.limit.unwrap(), asked)
}

#[test]
fn an_endless_loop_runs_out_of_fuel() {
    let record = attacked("cpu/endless-loop");
    let trial = only(&record);
    let run = proved(trial, Cause::Limit(LimitKey::Fuel));
    assert_eq!(run.end.ending, Ending::LimitReached);
    let cpu = |role| trial.run(role).unwrap().measured.cpu_time.unwrap();
    assert!(cpu(Role::Attack) < cpu(Role::Live), "the loop was cut where the control went on");
}

#[test]
fn memory_grows_to_the_ceiling_and_no_further() {
    let record = attacked("memory/grow-past-limit");
    let run = proved(only(&record), Cause::Limit(LimitKey::Memory));
    assert_eq!(run.end.ending, Ending::Returned, "the guest is told no and goes on");
    let (limit, asked) = denied(run, LimitKey::Memory);
    assert!(limit == 4 << 20 && asked > limit, "{asked} of {limit}");
    assert!(run.measured.memory.unwrap() < 64 << 20);
}

#[test]
fn a_file_of_the_host_that_nobody_granted_stays_closed() {
    let record = attacked("files-read/");
    // What nothing is denied to, because the sandbox goes by descriptors and not by names, is looked at for its effect alone.
    let (silent, denied): (Vec<_>, Vec<_>) =
        record.trials.iter().partition(|trial| trial.cause == Some(Cause::NoEffect));
    for trial in silent {
        let run = proved(trial, Cause::NoEffect);
        assert!(run.measured.canaries.is_empty() && run.measured.changed.is_empty(), "{}", trial.attack);
    }
    for trial in denied {
        let by_name = trial.attack == "files-read/host-file-without-grant";
        let kind = if by_name { DenialKind::Descriptor } else { DenialKind::Path };
        let run = proved(trial, Cause::Denied(kind));
        // The one attack whose policy ends a run at its first denial; every other guest is told no and goes on.
        let ends = if trial.attack == "files-read/goes-on-after-a-denial" { Ending::Trapped } else { Ending::Returned };
        assert_eq!(run.end.ending, ends, "{}", trial.attack);
        assert!(run.measured.canaries.is_empty() && run.measured.changed.is_empty(), "{}", trial.attack);
        assert!(run.denials.iter().any(|denial| denial.kind() == Some(kind)), "{}", trial.attack);
    }
    let asked = |id: &str, text: &str| {
        let trial = record.trials.iter().find(|trial| trial.attack == id).unwrap();
        let denials = &trial.run(Role::Attack).unwrap().denials;
        assert!(denials.iter().any(|denial| denial.asked.as_str().ends_with(text)), "{id}: {denials:?}");
    };
    asked("files-read/host-file-without-grant", "outside/secret.txt");
    asked("files-read/absolute-path#etc-passwd", "/etc/passwd");
    asked("files-read/absolute-path#root-key", "/root/.ssh/id_ed25519");
}

#[test]
fn no_socket_is_had_by_importing_one_or_by_asking() {
    let record = attacked("network/");
    let trial = |id: &str| record.trials.iter().find(|trial| trial.attack == id).unwrap();
    let import = trial("network/ungranted-socket-import");
    let run = proved(import, Cause::Denied(DenialKind::Import));
    assert_eq!(run.end.ending, Ending::Refused);
    assert_eq!(run.end.detail.as_ref().unwrap().as_str(), "wasi_snapshot_preview1::sock_open");
    assert_eq!(import.run(Role::Live).unwrap().measured.packets, ["tcp"]);
    let run = proved(trial("network/component-connects-to-loopback"), Cause::Denied(DenialKind::Address));
    let denial = run.denials.iter().find(|denial| denial.kind() == Some(DenialKind::Address)).unwrap();
    assert_eq!(denial.asked.as_str(), "create-tcp-socket");
    // The others are granted a connection and want more of it.
    for trial in record.trials.iter().filter(|trial| trial.obtains.contains("packet")) {
        assert!(trial.run(Role::Attack).unwrap().measured.packets.is_empty(), "{}", trial.attack);
    }
}

#[test]
fn a_table_grows_to_the_ceiling_and_no_further() {
    let record = attacked("tables/grow-past-limit");
    let run = proved(only(&record), Cause::Limit(LimitKey::TableElements));
    assert_eq!(run.end.ending, Ending::Returned, "the guest is told no and goes on");
    let (limit, asked) = denied(run, LimitKey::TableElements);
    assert!(limit == 10_000 && asked > 4_000_000, "{asked} of {limit}");
}

#[test]
fn recursion_ends_at_the_stack_and_not_in_a_crash() {
    let record = attacked("stack/endless-recursion");
    let trial = only(&record);
    let run = proved(trial, Cause::Limit(LimitKey::Stack));
    assert_eq!(run.end.ending, Ending::LimitReached);
    let live = trial.run(Role::Live).unwrap();
    assert!(live.measured.host_death.is_some(), "on a broken executor the same guest kills its host");
}

#[test]
fn output_is_cut_at_its_limit() {
    let record = attacked("streams/stdout-flood");
    let run = proved(only(&record), Cause::Limit(LimitKey::Output));
    let (limit, asked) = denied(run, LimitKey::Output);
    assert!(limit == 64 << 10 && asked > limit, "{asked} of {limit}");
    assert!(run.truncated && run.measured.output.unwrap() <= limit, "{:?}", run.measured.output);
}

#[test]
fn the_environment_of_the_host_stays_with_the_host() {
    let record = attacked("environment/");
    let leaks: Vec<_> = record.trials.iter().filter(|trial| trial.obtains == "canary: stdout").collect();
    for id in ["environment/host-arguments", "environment/host-variables"] {
        assert!(leaks.iter().any(|trial| trial.attack == id), "{id}");
    }
    for trial in leaks {
        let run = proved(trial, Cause::NoEffect);
        assert!(run.measured.canaries.is_empty(), "{}", trial.attack);
        assert_eq!(trial.run(Role::Live).unwrap().measured.canaries, ["stdout"], "{}", trial.attack);
    }
}

#[test]
fn no_import_starts_a_process() {
    let home = Home::new();
    let module = |import: &str| {
        let text = format!("(module {import} (memory (export \"memory\") 1) (func (export \"_start\")))");
        wat::parse_str(&text).unwrap()
    };
    home.write("harmless.wasm", module(""));
    home.gauntlet(&["exec", "harmless.wasm"]).ended(exit::CLEAN);
    for (from, name, signature) in [
        ("wasix_32v1", "proc_fork", "(param i32 i32) (result i32)"),
        ("wasix_32v1", "proc_exec", "(param i32 i32 i32 i32)"),
        ("wasix_32v1", "proc_spawn", "(param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)"),
        ("wasix_32v1", "thread_spawn", "(param i32 i32 i32 i32 i32) (result i32)"),
        ("wasi", "thread-spawn", "(param i32) (result i32)"),
        ("wasi_snapshot_preview1", "proc_exec", "(param i32 i32 i32 i32)"),
        ("env", "fork", "(result i32)"),
        ("env", "execve", "(param i32 i32 i32) (result i32)"),
        ("env", "system", "(param i32) (result i32)"),
    ] {
        home.write("starts.wasm", module(&format!("(import \"{from}\" \"{name}\" (func {signature}))")));
        let done =
            home.gauntlet(&["exec", "starts.wasm", "--policy", "strict", "--format", "json"]).ended(exit::BREACH);
        let outcome: Outcome = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(outcome.ending.ending, Ending::Refused, "{from} {name}");
        assert_eq!(outcome.ending.cause, Some(Cause::Denied(DenialKind::Import)), "{from} {name}");
        assert_eq!(outcome.ending.detail, format!("{from}::{name}"));
    }
}
