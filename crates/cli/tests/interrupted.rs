//! Runs that are killed, stopped, doubled or started by somebody without privileges: no process and no file is left, and what had
//! finished can be read.

#![expect(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gauntlet_record::{Verdict, exit};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use support::{Done, Home};

/// One test at a time: each runs the corpus with all cores, some twice at once, and ends of processes wait for whoever reads `/proc`.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When a test gives up on something that never comes; nothing waits as long as this.
const GUARD: Duration = Duration::from_secs(120);

/// Looks again and again until there is something to see.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(start.elapsed() < GUARD, "{what} never came");
        std::thread::yield_now();
    }
}

/// The program under a path of this test's own, by which its processes are told from those of every other test. Copied by another
/// program: a file that this one had open for writing might be inherited by a process that another test starts, and not be executable.
fn own_program(home: &Home) -> PathBuf {
    let own = home.path("gauntlet-of-this-test");
    if fs::hard_link(env!("CARGO_BIN_EXE_gauntlet"), &own).is_err() {
        assert!(Command::new("cp").arg(env!("CARGO_BIN_EXE_gauntlet")).arg(&own).status().unwrap().success());
    }
    own
}

/// Every living process that runs a program.
fn processes(program: &Path) -> Vec<Pid> {
    let runs = |pid: &str| {
        let proc = Path::new("/proc").join(pid);
        // What an ended process ran is not to be seen any more; what a guarded one runs, only by its command line.
        fs::read_link(proc.join("exe")).is_ok_and(|exe| exe == program)
            || fs::read(proc.join("cmdline"))
                .is_ok_and(|line| line.split(|byte| *byte == 0).next() == Some(program.as_os_str().as_bytes()))
    };
    let names = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|pid| runs(pid)).filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

/// Waits until nothing runs a program any more.
fn gone(program: &Path) {
    loop {
        let left = processes(program);
        if left.is_empty() {
            return;
        }
        for pid in left {
            let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { continue };
            let guard = Timespec::try_from(GUARD).unwrap();
            let ended = poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&guard)).unwrap();
            assert_eq!(ended, 1, "process {} outlives its run", pid.as_raw_nonzero());
        }
    }
}

/// What a run keeps under the directory for temporary files.
fn scratch(home: &Home) -> PathBuf {
    home.path("tmp").join(format!("gauntlet-{}", rustix::process::geteuid().as_raw()))
}

/// A run whose first trial has finished and whose second one sleeps in its worker, for as long as the harness lets it.
fn run_that_hangs(home: &Home, program: &Path) -> Child {
    for (path, content) in gauntlet_attacks::FILES {
        if let Some(file) = path.strip_prefix("tables/big-minimum/") {
            home.write(&format!("attacks/first/{file}"), content);
        } else if let Some(file) = path.strip_prefix("sleep/one-long-sleep/") {
            let text = std::str::from_utf8(content).unwrap().replace("> 1500ms", "> 9s");
            home.write(&format!("attacks/second/{file}"), text);
        }
    }
    home.write("sleepy.yaml", "version: 1\nlimits: { deadline: unlimited }\n");
    let mut command = home.command(program);
    command.args(["run", "attacks", "--policy", "sleepy.yaml", "--jobs", "1", "--output", "out"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let events = home.path("out/events.jsonl");
    until("the first trial", || {
        let text = fs::read_to_string(&events).ok()?;
        (text.lines().count() == 2 && text.ends_with('\n')).then_some(())
    });
    // The runner, the supervisor of the trial, and the worker that sleeps.
    until("the worker", || (processes(program).len() >= 3).then_some(()));
    assert_eq!(fs::read_dir(scratch(home)).unwrap().count(), 2, "a directory and its lock");
    child
}

/// What the events of a run that did not end say: its first trial.
fn reads_back(home: &Home) {
    assert!(!home.path("out/record.json").exists(), "a run that did not end is not sealed");
    let done = home.gauntlet(&["report", "out/events.jsonl", "--format", "json"]).ended(exit::INCONCLUSIVE);
    let record: gauntlet_record::Record = serde_json::from_str(&done.stdout).unwrap();
    let trials: Vec<_> = record.trials.iter().map(|trial| (trial.attack.as_str(), trial.verdict)).collect();
    assert_eq!((record.complete, trials), (false, vec![("regression/first", Verdict::Contained)]));
}

#[test]
fn a_killed_run_leaves_no_process_and_the_next_one_removes_its_files() {
    let _alone = alone();
    let home = Home::new();
    let program = own_program(&home);
    let mut run = run_that_hangs(&home, &program);
    run.kill().unwrap();
    run.wait().unwrap();
    gone(&program);
    reads_back(&home);
    home.gauntlet(&["run", "attacks/first", "--output", "next"]).ended(exit::CLEAN);
    assert_eq!(fs::read_dir(scratch(&home)).unwrap().count(), 0);
    assert!(home.record("next").complete);
    reads_back(&home);
}

#[test]
fn an_interrupted_run_ends_its_workers_and_cleans_up_itself() {
    let _alone = alone();
    for signal in [Signal::INT, Signal::TERM] {
        let home = Home::new();
        let program = own_program(&home);
        let mut run = run_that_hangs(&home, &program);
        kill_process(Pid::from_child(&run), signal).unwrap();
        assert_eq!(run.wait().unwrap().code(), Some(i32::from(exit::INCONCLUSIVE)), "{signal:?}");
        gone(&program);
        assert_eq!(fs::read_dir(scratch(&home)).unwrap().count(), 0, "{signal:?}");
        reads_back(&home);
    }
}

#[test]
fn two_runs_at_once_do_not_disturb_each_other() {
    let _alone = alone();
    let home = Home::new();
    let start = |folder: &str| {
        let mut command = home.command(env!("CARGO_BIN_EXE_gauntlet"));
        // One lane each: together they ask of the host what one run does.
        command.args(["run", "--jobs", "1", "--filter", "tables/", "--filter", "files-write/", "--output", folder]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let runs = ["one", "two"].map(start);
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(i32::from(exit::CLEAN)), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let verdicts = |folder: &str| {
        home.record(folder).trials.into_iter().map(|trial| (trial.attack, trial.verdict)).collect::<Vec<_>>()
    };
    assert!(verdicts("one").len() > 5);
    assert_eq!(verdicts("one"), verdicts("two"));
    assert_eq!(fs::read_dir(scratch(&home)).unwrap().count(), 0);
}

#[test]
fn an_ordinary_user_gets_the_same_verdicts() {
    let _alone = alone();
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: this is an ordinary user, and every other test was run by it");
        return;
    }
    if !Command::new("setpriv").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no `setpriv` to become an ordinary user with");
        return;
    }
    let home = Home::new();
    let program = program_for_everyone(&home);
    for folder in [".", "tmp"] {
        fs::set_permissions(home.path(folder), fs::Permissions::from_mode(0o777)).unwrap();
    }
    let run = [
        "run",
        "--filter",
        "memory/grow-past-limit",
        "--filter",
        "files-read/dot-dot",
        "--filter",
        "network/",
        "--output",
    ];
    Done::of(home.command(&program).args(run).arg("as-root")).ended(exit::CLEAN);
    let mut ordinary = home.command("setpriv");
    ordinary.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program).args(run).arg("as-nobody");
    Done::of(&mut ordinary).ended(exit::CLEAN);
    assert_eq!(fs::metadata(home.path("as-nobody/record.json")).unwrap().uid(), 65534);
    let (root, nobody) = (home.record("as-root"), home.record("as-nobody"));
    assert!(root.host.root && !nobody.host.root);
    let verdicts = |record: gauntlet_record::Record| {
        record
            .trials
            .into_iter()
            .map(|trial| (trial.attack, trial.verdict, trial.cause, trial.witnessed))
            .collect::<Vec<_>>()
    };
    assert_eq!(verdicts(root), verdicts(nobody));
}

/// The program where every user can run it.
fn program_for_everyone(home: &Home) -> PathBuf {
    let own = home.path("gauntlet-for-everyone");
    assert!(Command::new("cp").arg(env!("CARGO_BIN_EXE_gauntlet")).arg(&own).status().unwrap().success());
    fs::set_permissions(&own, fs::Permissions::from_mode(0o755)).unwrap();
    own
}
