//! The parent's side: start the worker, hand it the guest, hold the clocks that it might not, and end it.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gauntlet_record::{Cause, Confinement, Ending, LimitKey};
use gauntlet_target::{DenialSeen, EndingSeen, Job, Outcome, TargetError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::protocol::{self, Kind, Setup};
use crate::Protections;
use crate::deny::{self, DenyList};
use crate::execute::{complete_usage, nanos, used};

/// How long the parent waits past a limit for the worker to end by itself, which shows more than a kill.
const GRACE: Duration = Duration::from_millis(50);
/// The same for CPU time, which the system counts in steps of 10 ms.
const CPU_GRACE: Duration = Duration::from_millis(200);
/// How often the worker's clocks and memory are looked at.
const LOOK: Duration = Duration::from_millis(4);
/// Most bytes of the worker's own standard error that are kept.
const MAX_STDERR: u64 = 4096;
/// Most bytes of ambient standard input that are handed on when that protection was lifted.
const MAX_AMBIENT: u64 = 64 << 10;

/// A worker that is ended and reaped on every path.
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What is known of a run so far.
#[derive(Default)]
struct Seen {
    confinement: Vec<Confinement>,
    denials: Vec<DenialSeen>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    compiling: Option<Instant>,
    compile_time: Option<Duration>,
    compile_memory: Option<u64>,
    finished: Option<Outcome>,
}

/// Runs a job in a worker.
pub(super) fn run(
    program: Option<&Path>,
    job: &Job,
    protections: &Protections,
    lists: &[Arc<DenyList>],
) -> Result<Outcome, TargetError> {
    let start = Instant::now();
    let denied = || {
        let mut outcome = deny::denied(lists, &job.guest, protections)?;
        complete_usage(&mut outcome.usage, protections);
        Some(outcome)
    };
    if let Some(denied) = denied() {
        return Ok(denied);
    }
    let program = match program {
        Some(program) => program.to_owned(),
        None => std::env::current_exe()
            .map_err(|source| TargetError::Spawn { program: PathBuf::from("/proc/self/exe"), source })?,
    };
    let mut worker = spawn(&program, protections)?;
    let (stdin, stdout) = (worker.0.stdin.take(), worker.0.stdout.take());
    let (Some(stdin), Some(mut stdout)) = (stdin, stdout) else { return Err(TargetError::Protocol("no pipes".into())) };
    let ambient = if protections.lifted("stdin") { ambient_stdin() } else { job.stdin.clone() };
    let setup = Setup {
        policy: job.policy.clone(),
        protections: protections.clone(),
        nonce: job.nonce.clone(),
        entry: job.entry.clone(),
        stdin: ambient,
        signature: job.signature.clone(),
        trace: job.trace,
        elapsed: nanos(start.elapsed()),
    };
    let setup = serde_json::to_vec(&setup).map_err(|error| TargetError::Protocol(error.to_string()))?;
    let mut stdin = Some(stdin);
    let mut seen = Seen::default();
    let mut buffer = Vec::new();
    send(&mut stdin, Kind::Setup, &setup);

    let killed: Option<LimitKey> = loop {
        let mut fds = [PollFd::new(&stdout, PollFlags::IN)];
        let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(LOOK.subsec_nanos()) };
        let ready = poll(&mut fds, Some(&wait))
            .map_err(|errno| TargetError::Io { what: "cannot wait for the worker", source: errno.into() })?;
        if ready > 0 {
            let mut chunk = [0; 64 << 10];
            match stdout.read(&mut chunk) {
                Ok(0) => break None,
                Ok(read) => buffer.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(TargetError::Io { what: "cannot read from the worker", source }),
            }
            while let Some((kind, bytes)) =
                protocol::take(&mut buffer).map_err(|error| TargetError::Protocol(error.to_string()))?
            {
                frame(kind, &bytes, &mut seen, &worker.0, protections)?;
                // Before the bytes are handed over, and again when they are compiled and about to run. A worker that is dropped is ended.
                if matches!(kind, Kind::Ready | Kind::Compiled)
                    && let Some(denied) = denied()
                {
                    return Ok(denied);
                }
                if kind == Kind::Ready {
                    send(&mut stdin, Kind::Guest, &job.guest);
                }
            }
            if seen.finished.is_some() {
                break None;
            }
        }
        if let Some(limit) = passed(&worker.0, &mut seen, start, protections) {
            break Some(limit);
        }
    };
    Ok(finish(worker, stdin, seen, killed, start, job, protections))
}

fn spawn(program: &Path, protections: &Protections) -> Result<Reaped, TargetError> {
    let mut command = Command::new(program);
    command
        .arg("worker")
        .arg(std::process::id().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if !protections.lifted("environment") {
        command.env_clear();
    }
    command.spawn().map(Reaped).map_err(|source| TargetError::Spawn { program: program.to_owned(), source })
}

/// A worker that is gone shows in what it did not answer, so a broken pipe is no error here.
fn send(stdin: &mut Option<ChildStdin>, kind: Kind, bytes: &[u8]) {
    if let Some(pipe) = stdin
        && protocol::write(pipe, kind, bytes).and_then(|()| pipe.flush()).is_err()
    {
        *stdin = None;
    }
}

fn ambient_stdin() -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = io::stdin().lock().take(MAX_AMBIENT).read_to_end(&mut bytes);
    bytes
}

/// Takes one frame of the worker. Nothing in it is trusted beyond its shape.
fn frame(
    kind: Kind,
    bytes: &[u8],
    seen: &mut Seen,
    worker: &Child,
    protections: &Protections,
) -> Result<(), TargetError> {
    let broken = |error: serde_json::Error| TargetError::Protocol(error.to_string());
    match kind {
        Kind::Ready => seen.confinement = serde_json::from_slice(bytes).map_err(broken)?,
        Kind::Denied => {
            let (mechanism, why) = serde_json::from_slice(bytes).map_err(broken)?;
            return Err(TargetError::Unconfined { mechanism, why });
        }
        Kind::Failed => {
            return Err(TargetError::LimitUnenforced {
                key: "grants".into(),
                why: String::from_utf8_lossy(bytes).into_owned(),
            });
        }
        Kind::Compiling => seen.compiling = Some(Instant::now()),
        Kind::Compiled => {
            seen.compile_time = seen.compiling.take().map(|since| since.elapsed());
            seen.compile_memory = peak_memory(worker);
        }
        Kind::Out | Kind::Err => {
            // The worker holds the cap; a worker that does not is held here, at twice that.
            let cap =
                protections.limit(LimitKey::Output).unwrap_or(u64::MAX).saturating_mul(2).saturating_add(64 << 10);
            let held = (seen.stdout.len() + seen.stderr.len() + bytes.len()) as u64;
            if held <= cap {
                if kind == Kind::Out {
                    seen.stdout.extend_from_slice(bytes)
                } else {
                    seen.stderr.extend_from_slice(bytes)
                }
            }
        }
        Kind::Denial => {
            if seen.denials.len() < 256 {
                seen.denials.push(serde_json::from_slice(bytes).map_err(broken)?);
            }
        }
        Kind::Finished => seen.finished = Some(serde_json::from_slice(bytes).map_err(broken)?),
        Kind::Setup | Kind::Guest => return Err(TargetError::Protocol("a frame that only the parent sends".into())),
    }
    Ok(())
}

/// The limit that the worker passed and did not end at by itself.
fn passed(worker: &Child, seen: &mut Seen, start: Instant, protections: &Protections) -> Option<LimitKey> {
    let limit = |key| protections.limit(key).map(Duration::from_nanos);
    // Deadline and CPU time are the worker's to hold; the parent's clocks are backstops, and part of the jail.
    let backstop =
        |key| if protections.lifted("jail") { limit(key) } else { protections.backstop(key).map(Duration::from_nanos) };
    if backstop(LimitKey::Deadline).is_some_and(|deadline| start.elapsed() >= deadline + GRACE) {
        return Some(LimitKey::Deadline);
    }
    if let Some(since) = seen.compiling {
        if limit(LimitKey::CompileTime).is_some_and(|limit| since.elapsed() >= limit) {
            return Some(LimitKey::CompileTime);
        }
        let peak = peak_memory(worker);
        if let (Some(cap), Some(peak)) = (protections.limit(LimitKey::CompileMemory), peak)
            && peak > cap
        {
            seen.compile_memory = Some(peak);
            return Some(LimitKey::CompileMemory);
        }
    }
    if let (Some(cap), Some(used)) = (backstop(LimitKey::CpuTime), worker_cpu_time(worker))
        && used >= cap + CPU_GRACE
    {
        return Some(LimitKey::CpuTime);
    }
    None
}

/// Peak resident memory, in bytes.
fn peak_memory(worker: &Child) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{}/status", worker.id())).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok()?.checked_mul(1024)
}

/// CPU time of all threads, user and system, in the system's steps.
fn worker_cpu_time(worker: &Child) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{}/stat", worker.id())).ok()?;
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_micros(ticks.saturating_mul(1_000_000 / rustix::param::clock_ticks_per_second().max(1))))
}

/// Ends the worker and puts the outcome together.
fn finish(
    mut worker: Reaped,
    stdin: Option<ChildStdin>,
    seen: Seen,
    killed: Option<LimitKey>,
    start: Instant,
    job: &Job,
    protections: &Protections,
) -> Outcome {
    let ended_itself = seen.finished.is_none() && killed.is_none();
    let memory = peak_memory(&worker.0);
    let mut own_words = Vec::new();
    if !ended_itself {
        let _ = worker.0.kill();
    }
    drop(stdin);
    let status = worker.0.wait();
    if let Some(stderr) = worker.0.stderr.take() {
        let _ = stderr.take(MAX_STDERR).read_to_end(&mut own_words);
    }
    let finished = seen.finished.is_some();
    let mut outcome = seen.finished.unwrap_or_default();
    if let Some(limit) = killed {
        let detail = format!("ended by the parent: the limit `{limit}` was reached");
        outcome.ending = EndingSeen::caused(Ending::LimitReached, Cause::Limit(limit), detail);
    } else if !finished {
        let signal = status.as_ref().ok().and_then(|status| status.signal());
        outcome.ending = died(signal, &String::from_utf8_lossy(&own_words));
        if signal == Some(nix::libc::SIGXFSZ) {
            // This resource limit is the policy's own, to the byte.
            let limit = protections.limit(LimitKey::FileSize);
            outcome.denials.push(DenialSeen {
                cause: Cause::Limit(LimitKey::FileSize),
                asked: "write".into(),
                limit,
                count: 1,
            });
        }
    }
    if !finished {
        outcome.denials.extend(seen.denials);
        outcome.usage.push(used(LimitKey::Output, (seen.stdout.len() + seen.stderr.len()) as u64));
        outcome.usage.push(used(LimitKey::ModuleSize, job.guest.len() as u64));
    }
    outcome.truncated |= outcome.denials.iter().any(|denial| denial.cause == Cause::Limit(LimitKey::Output));
    outcome.stdout = seen.stdout;
    outcome.stderr = seen.stderr;
    outcome.confinement = seen.confinement;
    outcome
        .usage
        .retain(|usage| usage.used.is_some() && !matches!(usage.limit, LimitKey::Deadline | LimitKey::CompileMemory));
    outcome.usage.push(used(LimitKey::Deadline, nanos(start.elapsed())));
    let compile_memory = seen.compile_memory.or(if killed == Some(LimitKey::CompileMemory) { memory } else { None });
    outcome.usage.extend(compile_memory.map(|memory| used(LimitKey::CompileMemory, memory)));
    if !outcome.usage.iter().any(|usage| usage.limit == LimitKey::CompileTime) {
        let compile_time = seen.compile_time.or(seen.compiling.map(|since| since.elapsed()));
        outcome.usage.extend(compile_time.map(|time| used(LimitKey::CompileTime, nanos(time))));
    }
    complete_usage(&mut outcome.usage, protections);
    outcome
}

/// A worker that died without an answer: by a signal, or by a panic that ended it with a code.
fn died(signal: Option<i32>, own_words: &str) -> EndingSeen {
    let by_system =
        signal.is_some_and(|signal| matches!(signal, nix::libc::SIGXCPU | nix::libc::SIGXFSZ | nix::libc::SIGSYS));
    let name = signal
        .and_then(|signal| nix::sys::signal::Signal::try_from(signal).ok())
        .map_or("no signal", nix::sys::signal::Signal::as_str);
    EndingSeen {
        ending: Ending::WorkerDied,
        cause: by_system.then_some(Cause::KilledOs),
        signal: Some(signal.unwrap_or(0)),
        detail: format!("the worker died of {name} {own_words}").trim_end().to_owned(),
        ..EndingSeen::default()
    }
}
