//! Supervisors and the lanes that start them.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gauntlet_record::Run;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, Signal};

use crate::process;
use crate::trial::{Answer, TrialSpec};

/// How a supervisor is started: the file of its spec is added as the last argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launcher {
    /// The program, usually the running one.
    pub program: PathBuf,
    /// Its arguments, usually the hidden `trial`.
    pub args: Vec<OsString>,
}

/// Most bytes of an answer: a guest's text is cut long before.
const MAX_ANSWER: usize = 8 << 20;
/// How much longer than its watchdog a supervisor may take to build its world, look at it again and clean up.
const GRACE: Duration = Duration::from_secs(15);
/// How often a waiting lane looks whether the run was cancelled.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// What came of a run: the run, or what went wrong with the harness. `None` if it was cancelled.
pub(crate) type Answered = Option<Result<Run, String>>;

/// Runs one supervisor to its end. Nothing of it is left afterwards.
pub(crate) fn supervise(launcher: &Launcher, spec: &TrialSpec, cancel: &AtomicBool) -> Answered {
    if cancel.load(Ordering::Relaxed) {
        return None;
    }
    let mut child = match start(launcher, spec) {
        Ok(child) => child,
        Err(error) => return Some(Err(format!("cannot start the supervisor: {error}"))),
    };
    let deadline = Instant::now() + Duration::from_nanos(spec.watchdog) + GRACE;
    let answer = read(&mut child, deadline, cancel);
    if !matches!(answer, Ended::Answered(_)) {
        end(&child);
    }
    let status = child.wait();
    match answer {
        Ended::Answered(bytes) => Some(match serde_json::from_slice(&bytes) {
            Ok(Answer::Run(run)) => Ok(*run),
            Ok(Answer::Failed(why)) => Err(why),
            Err(_) if bytes.is_empty() => Err(format!(
                "the supervisor gave no answer ({})",
                status.map_or_else(|error| error.to_string(), |status| status.to_string())
            )),
            Err(error) => Err(format!("the supervisor's answer cannot be read: {error}")),
        }),
        Ended::Cancelled => None,
        Ended::Late => Some(Err("the supervisor did not answer in time".to_owned())),
        Ended::TooLong => Some(Err("the supervisor's answer is too long".to_owned())),
        Ended::Failed(error) => Some(Err(format!("cannot read the supervisor's answer: {error}"))),
    }
}

/// Starts a supervisor from this thread, which has to last as long as it does: the death signal follows the thread.
fn start(launcher: &Launcher, spec: &TrialSpec) -> io::Result<Child> {
    let file = spec.write()?;
    let stdin = spec.directory.join("stdin");
    std::fs::write(&stdin, format!("{}\n", spec.canary))?;
    let mut command = Command::new(&launcher.program);
    command.args(&launcher.args).arg(file).env_clear().env("GAUNTLET_CANARY", &spec.canary);
    for name in ["PATH", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.stdin(File::open(stdin)?).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0).spawn()
}

enum Ended {
    Answered(Vec<u8>),
    Cancelled,
    Late,
    TooLong,
    Failed(io::Error),
}

/// Reads the answer until the supervisor closes its standard output.
fn read(child: &mut Child, deadline: Instant, cancel: &AtomicBool) -> Ended {
    let Some(mut stdout) = child.stdout.take() else { return Ended::Answered(Vec::new()) };
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 65_536];
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Ended::Cancelled;
        }
        if Instant::now() >= deadline {
            return Ended::Late;
        }
        let ready = rustix::event::poll(&mut [PollFd::from_borrowed_fd(stdout.as_fd(), PollFlags::IN)], Some(&TICK));
        match ready {
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Ended::Failed(error.into()),
        }
        match stdout.read(&mut buffer) {
            Ok(0) => return Ended::Answered(bytes),
            Ok(length) if bytes.len() + length > MAX_ANSWER => return Ended::TooLong,
            Ok(length) => bytes.extend_from_slice(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Ended::Failed(error),
        }
    }
}

/// Kills a supervisor and everything under it: what descends from it first, since it would be lost to us afterwards.
fn end(child: &Child) {
    let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return };
    // Stopped, it starts and reaps nothing while we go through its tree.
    let _ = rustix::process::kill_process(pid, Signal::STOP);
    process::kill_descendants(child.id());
    let _ = rustix::process::kill_process(pid, Signal::KILL);
    let _ = rustix::process::kill_process_group(pid, Signal::KILL);
}

/// Does work on several threads, each of which lasts until all of it is done, and hands each result to `take` on this thread.
pub(crate) fn spread<W: Send, R: Send>(
    jobs: usize,
    work: Vec<W>,
    run: impl Fn(W) -> Option<R> + Sync,
    mut take: impl FnMut(R),
) {
    let queue = Mutex::new(VecDeque::from(work));
    let (send, results) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            let send = send.clone();
            let (queue, run) = (&queue, &run);
            scope.spawn(move || {
                while let Some(work) = next(queue) {
                    if run(work).is_none_or(|result| send.send(result).is_err()) {
                        return;
                    }
                }
            });
        }
        drop(send);
        for result in results {
            take(result);
        }
    });
}

fn next<W>(queue: &Mutex<VecDeque<W>>) -> Option<W> {
    queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop_front()
}

/// Removes a run's directory once nothing of the run is left.
pub(crate) fn clean(directory: &Path) {
    let _ = crate::tree::remove(directory);
}
