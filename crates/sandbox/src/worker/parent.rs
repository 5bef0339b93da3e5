//! The parent's side: start the worker, hand it the guest, hold the clocks that it might not, and end it.

use std::collections::BTreeSet;
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gauntlet_policy::{Access, Policy, Requirement, User};
use gauntlet_record::{Cause, Confinement, Ending, LimitKey};
use gauntlet_target::{DenialSeen, EndingSeen, Job, Outcome, TargetError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::launcher::Launcher;
use super::process::Process;
use super::protocol::{self, Kind, Purpose, Setup, Task};
use super::unmetered;
use crate::Protections;
use crate::deny::{self, DenyList};
use crate::execute::{complete_usage, nanos, used};
use crate::jail;
use crate::jail::groups::Group;
use crate::jail::namespaces::Ground;
use crate::live::Follow;
use crate::output::Which;

/// How long the parent waits past a limit for the worker to end by itself, which shows more than a kill.
const GRACE: Duration = Duration::from_millis(50);
/// How often the worker's clocks and memory are looked at.
const LOOK: Duration = Duration::from_millis(4);
/// Most bytes of the worker's own standard error that are kept.
const MAX_STDERR: u64 = 4096;
/// Most bytes of ambient standard input that are handed on when that protection was lifted.
const MAX_AMBIENT: u64 = 64 << 10;
/// Who runs workers of a caller that is root, where no granted directory says otherwise: `nobody`.
const NOBODY: u32 = 65534;

/// What is known of a run so far.
#[derive(Debug, Default)]
struct Seen {
    /// The kinds of frames that came and may not come again.
    said: BTreeSet<u8>,
    confinement: Vec<Confinement>,
    denials: Vec<DenialSeen>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    compiling: Option<Instant>,
    compile_time: Option<Duration>,
    compile_memory: Option<u64>,
    finished: Option<Outcome>,
}

/// A worker that was started and told how to narrow itself; it may still be doing so.
#[derive(Debug)]
pub(super) struct Started {
    // Fields are dropped in this order: the process is gone before its group and its launcher.
    process: Process,
    _group: Option<Group>,
    _launcher: Option<Arc<Launcher>>,
    /// The grants that are scratch directories, by their places.
    scratch: Vec<usize>,
    protections: Protections,
    seen: Seen,
    buffer: Vec<u8>,
    outgoing: Outgoing,
    since: Instant,
}

/// What the worker has not taken yet. Its parent never waits until it does: a worker that was stopped, or that is the guest's, takes
/// nothing, and the clocks go on.
#[derive(Debug, Default)]
struct Outgoing {
    bytes: Vec<u8>,
    /// Whether a guest's bytes follow, which are large, and left where they are.
    guest: bool,
    sent: usize,
}

impl Outgoing {
    /// Adds a frame. `key` is the policy's key for what may be too large in it.
    fn add(&mut self, kind: Kind, bytes: &[u8], key: &str) -> Result<(), TargetError> {
        self.head(kind, bytes.len(), key)?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Adds the frame of a guest, the last one, whose bytes are handed to each flush from now on.
    fn add_guest(&mut self, guest: &[u8]) -> Result<(), TargetError> {
        self.head(Kind::Guest, guest.len(), "limits.module-size")?;
        self.guest = true;
        Ok(())
    }

    fn head(&mut self, kind: Kind, length: usize, key: &str) -> Result<(), TargetError> {
        let head = protocol::head(kind, length).ok_or_else(|| TargetError::LimitUnenforced {
            key: key.into(),
            why: format!("a worker takes at most {} bytes in one piece, and these are {length}", protocol::MAX_FRAME),
        })?;
        self.bytes.extend_from_slice(&head);
        Ok(())
    }

    /// Sends as much as the worker takes now. One that is gone shows in what it did not answer, so a broken pipe is no error here.
    fn flush(&mut self, process: &mut Process, guest: &[u8]) {
        let guest = if self.guest { guest } else { &[] };
        while let Some(pipe) = &mut process.stdin {
            let left = match self.sent.checked_sub(self.bytes.len()) {
                None => self.bytes.get(self.sent..),
                Some(sent) => guest.get(sent..),
            };
            let Some(left) = left.filter(|left| !left.is_empty()) else { break };
            match pipe.write(left) {
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => process.stdin = None,
            }
        }
        *self = Self::default();
    }

    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// How a run in a worker ended.
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    /// Whether the worker was given the guest: one that died before that, or was killed before it began with it, has not run it.
    pub(super) given: bool,
    /// What is left to be waited for.
    pub(super) remains: Remains,
}

/// A worker that was killed or ended, and what it held. Dropping this waits for the system to be done with it.
#[derive(Debug)]
pub(super) struct Remains {
    _started: Started,
}

/// The launcher that a policy's workers need; `None` if this process starts them itself.
pub(super) fn ground(policy: &Policy, protections: &Protections) -> Option<Ground> {
    // A lifted environment is the caller's own, which a launcher does not have.
    if protections.lifted("jail")
        || protections.lifted("environment")
        || policy.isolation.namespaces.value == Requirement::Off
    {
        return None;
    }
    let network = !policy.grants.network.is_empty() || protections.lifted("network");
    let root = rustix::process::geteuid().is_root();
    let user = (root && policy.isolation.user.value == User::Unprivileged).then(|| owner(policy)).flatten();
    Some(Ground { user, network })
}

/// A control group for one worker, if the policy asks for one.
pub(super) fn group(policy: &Policy, protections: &Protections) -> Option<Group> {
    let wanted = policy.isolation.cgroup.value != Requirement::Off && !protections.lifted("jail");
    wanted.then(|| Group::make(1, jail::resources::with_scratch(protections)))
}

/// As whom the workers of a caller that is root run: as the owner of what is granted, if that is somebody else, or as nobody.
fn owner(policy: &Policy) -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt as _;
    let granted = policy.grants.filesystem.iter().filter(|grant| grant.access.value != Access::Scratch);
    let owners: Vec<(u32, u32)> = granted
        .filter_map(|grant| std::fs::metadata(&grant.host.value).ok())
        .map(|metadata| (metadata.uid(), metadata.gid()))
        .collect();
    match owners.as_slice() {
        [] => Some((NOBODY, NOBODY)),
        [first, rest @ ..] if first.0 != 0 && rest.iter().all(|other| other == first) => Some(*first),
        // Root's own directories, or several owners: only root can use them all.
        _ => None,
    }
}

impl Started {
    /// Starts a worker, by its launcher where there is one, and tells it how to narrow itself.
    pub(super) fn start(
        program: &Path,
        launcher: Option<Arc<Launcher>>,
        policy: &Policy,
        protections: &Protections,
        purpose: Purpose,
        mut own: jail::Ground,
    ) -> Result<Self, TargetError> {
        let spawn = |source| TargetError::Spawn { program: program.to_owned(), source };
        let mut process = match &launcher {
            Some(launcher) => launcher.spawn().map_err(spawn)?,
            None => ours(program, protections).map_err(spawn)?,
        };
        // Workers of a launcher are in its group.
        let group = launcher.is_none().then(|| group(policy, protections)).flatten();
        own.seat = group.as_ref().map(Group::seat);
        if let Some(launcher) = &launcher {
            own.entered = Some(launcher.entered().map_err(spawn)?);
        }
        let setup = Setup { policy: policy.clone(), protections: protections.clone(), ground: own, purpose };
        let setup = serde_json::to_vec(&setup).map_err(|error| TargetError::Protocol(error.to_string()))?;
        let mut outgoing = Outgoing::default();
        outgoing.add(Kind::Setup, &setup, "policy")?;
        outgoing.flush(&mut process, &[]);
        Ok(Self {
            process,
            _group: group,
            _launcher: launcher,
            scratch: policy
                .grants
                .filesystem
                .iter()
                .enumerate()
                .filter(|(_, grant)| grant.access.value == Access::Scratch)
                .map(|(place, _)| place)
                .collect(),
            protections: protections.clone(),
            seen: Seen::default(),
            buffer: Vec::new(),
            outgoing,
            since: Instant::now(),
        })
    }

    /// When it was started.
    pub(super) const fn since(&self) -> Instant {
        self.since
    }

    /// Runs a job in it. `kept` is whether its code was lent to the worker, `start` when the deadline began to run. Its caller may follow
    /// it and end it at once; `deny` is asked again before the guest is handed over, and `sent` is called when it was.
    pub(super) fn run(
        mut self,
        job: &Job,
        kept: bool,
        start: Instant,
        follow: Follow<'_>,
        deny: &[Arc<DenyList>],
        sent: impl FnOnce(),
    ) -> Result<Ended, TargetError> {
        let stdin = if self.protections.lifted("stdin") { ambient_stdin() } else { job.stdin.clone() };
        let told = Job { guest: Vec::new(), policy: Policy::default(), stdin, ..job.clone() };
        let task = serde_json::to_vec(&Task { job: told, elapsed: nanos(start.elapsed()), kept })
            .map_err(|error| TargetError::Protocol(error.to_string()))?;
        self.outgoing.add(Kind::Job, &task, "grants.stdin")?;
        self.outgoing.flush(&mut self.process, &[]);
        let mut sent = Some(sent);
        let killed: Option<LimitKey> = loop {
            let (readable, writable) = self.wait(self.next_look(start))?;
            if writable {
                self.outgoing.flush(&mut self.process, &job.guest);
            }
            if readable {
                let mut chunk = [0; 64 << 10];
                match self.process.stdout.read(&mut chunk) {
                    Ok(0) => break None,
                    Ok(read) => self.buffer.extend_from_slice(&chunk[..read]),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(source) => return Err(TargetError::Io { what: "cannot read from the worker", source }),
                }
                while let Some((kind, bytes)) =
                    protocol::take(&mut self.buffer).map_err(|error| TargetError::Protocol(error.to_string()))?
                {
                    frame(kind, &bytes, &mut self.seen, &self.process, &self.protections, follow)?;
                    // Before the bytes are handed over, and again when they are compiled and about to run. A worker that is dropped is ended.
                    if matches!(kind, Kind::Ready | Kind::Compiled)
                        && let Some(outcome) = deny::denied(deny, &job.guest, &self.protections)
                    {
                        return Ok(Ended { outcome, given: true, remains: Remains { _started: self } });
                    }
                    if kind == Kind::Ready {
                        self.process.expect(job.guest.len());
                        self.outgoing.add_guest(&job.guest)?;
                        self.outgoing.flush(&mut self.process, &job.guest);
                        if let Some(sent) = sent.take() {
                            sent();
                        }
                    }
                }
                if self.seen.finished.is_some() {
                    break None;
                }
            }
            if follow.cancelled() {
                return Err(TargetError::Protocol("the run was cancelled by its caller".into()));
            }
            if let Some(limit) = passed(&self.process, &mut self.seen, start, &self.protections) {
                break Some(limit);
            }
        };
        let begun = self.seen.finished.is_some() || self.seen.said.contains(&(Kind::Compiling as u8));
        let outcome = finish(&mut self, killed, start, job);
        // The bytes may lie in the pipe of a worker that somebody had killed already; a fault while they were read is the guest's.
        let by_somebody = outcome.ending.ending == Ending::WorkerDied
            && matches!(outcome.ending.signal, None | Some(nix::libc::SIGKILL));
        let given = sent.is_none() && (begun || !by_somebody);
        Ok(Ended { outcome, given, remains: Remains { _started: self } })
    }

    /// Waits until the worker says something, or takes something of what it is to be told; at most so long.
    fn wait(&self, most: Timespec) -> Result<(bool, bool), TargetError> {
        let mut fds = vec![PollFd::from_borrowed_fd(self.process.stdout(), PollFlags::IN)];
        if !self.outgoing.is_empty() {
            fds.extend(self.process.stdin.iter().map(|pipe| PollFd::new(pipe, PollFlags::OUT)));
        }
        match poll(&mut fds, Some(&most)) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok((false, false)),
            Err(errno) => return Err(TargetError::Io { what: "cannot wait for the worker", source: errno.into() }),
        }
        let ready = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
        Ok((ready(0), ready(1)))
    }

    /// How long to wait at most before the clocks are looked at: to the deadline and not past it.
    fn next_look(&self, start: Instant) -> Timespec {
        let deadline = self.protections.backstop(LimitKey::Deadline).map(Duration::from_nanos);
        let left = deadline.map_or(LOOK, |deadline| {
            let left = deadline.saturating_sub(start.elapsed());
            if left.is_zero() { LOOK } else { left.min(LOOK) }
        });
        Timespec { tv_sec: 0, tv_nsec: i64::from(left.subsec_nanos()) }
    }
}

/// The executable that workers are started from.
pub(super) fn program(named: Option<&Path>) -> Result<PathBuf, TargetError> {
    match named {
        Some(program) => Ok(program.to_owned()),
        None => std::env::current_exe()
            .map_err(|source| TargetError::Spawn { program: PathBuf::from("/proc/self/exe"), source }),
    }
}

/// A worker that is our own child.
fn ours(program: &Path, protections: &Protections) -> io::Result<Process> {
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
    command.spawn().and_then(Process::ours)
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
    worker: &Process,
    protections: &Protections,
    follow: Follow<'_>,
) -> Result<(), TargetError> {
    let broken = |error: serde_json::Error| TargetError::Protocol(error.to_string());
    match kind {
        // Each of these is said once: said again, it would be sent the guest again, or its clock would begin anew.
        Kind::Ready | Kind::Compiling | Kind::Compiled if !seen.said.insert(kind as u8) => {
            return Err(TargetError::Protocol("a frame that is said once was said twice".into()));
        }
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
            seen.compile_memory = worker.peak_memory();
        }
        Kind::Out | Kind::Err => {
            // The worker holds the cap; a worker that does not is held here, at twice that.
            let cap =
                protections.limit(LimitKey::Output).unwrap_or(u64::MAX).saturating_mul(2).saturating_add(64 << 10);
            let held = (seen.stdout.len() + seen.stderr.len() + bytes.len()) as u64;
            if held <= cap {
                if kind == Kind::Out {
                    seen.stdout.extend_from_slice(bytes);
                    follow.wrote(Which::Out, bytes);
                } else {
                    seen.stderr.extend_from_slice(bytes);
                    follow.wrote(Which::Err, bytes);
                }
            }
        }
        Kind::Denial => {
            if seen.denials.len() < 256 {
                seen.denials.push(serde_json::from_slice(bytes).map_err(broken)?);
            }
        }
        Kind::Finished => seen.finished = Some(serde_json::from_slice(bytes).map_err(broken)?),
        Kind::Setup | Kind::Job | Kind::Guest => {
            return Err(TargetError::Protocol("a frame that only the parent sends".into()));
        }
    }
    Ok(())
}

/// The limit that the worker passed and did not end at by itself.
fn passed(worker: &Process, seen: &mut Seen, start: Instant, protections: &Protections) -> Option<LimitKey> {
    let limit = |key| protections.limit(key).map(Duration::from_nanos);
    // Deadline and CPU time are the worker's to hold; the parent's clocks are backstops, and part of the jail.
    let backstop =
        |key| if protections.lifted("jail") { limit(key) } else { protections.backstop(key).map(Duration::from_nanos) };
    // Without checks in its code the guest goes on until we end it, on time.
    let grace = if unmetered(protections) { Duration::ZERO } else { GRACE };
    if backstop(LimitKey::Deadline).is_some_and(|deadline| start.elapsed() >= deadline + grace) {
        return Some(LimitKey::Deadline);
    }
    if let Some(since) = seen.compiling {
        if limit(LimitKey::CompileTime).is_some_and(|limit| since.elapsed() >= limit) {
            seen.compile_memory = worker.peak_memory();
            return Some(LimitKey::CompileTime);
        }
        let peak = worker.peak_memory();
        if let (Some(cap), Some(peak)) = (protections.limit(LimitKey::CompileMemory), peak)
            && peak > cap
        {
            seen.compile_memory = Some(peak);
            return Some(LimitKey::CompileMemory);
        }
    }
    if let (Some(cap), Some(used)) = (backstop(LimitKey::CpuTime), worker.cpu_time())
        && used >= cap + grace
    {
        return Some(LimitKey::CpuTime);
    }
    None
}

/// Ends the worker and puts the outcome together.
fn finish(started: &mut Started, killed: Option<LimitKey>, start: Instant, job: &Job) -> Outcome {
    let Started { process: worker, protections, .. } = started;
    let protections = &*protections;
    let seen = std::mem::take(&mut started.seen);
    let memory = worker.peak_memory();
    // Read while it is there: a scratch directory goes with its worker.
    let scratch = scratch_used(worker, &started.scratch);
    let taken = start.elapsed();
    // One that ended by itself is asked how; one that answered or met a limit is killed, and need not be waited for here.
    let (mut status, mut own_words) = (None, Vec::new());
    if seen.finished.is_none() && killed.is_none() {
        worker.stdin = None;
        // It has closed its end, so it is as good as gone; one that only says so does not stay.
        status = worker.end_within(GRACE).ok();
        own_words = worker.own_words(MAX_STDERR);
    } else {
        worker.kill();
    }
    let finished = seen.finished.is_some();
    let mut outcome = seen.finished.unwrap_or_default();
    if let Some(limit) = killed {
        let detail = format!("ended by the parent: the limit `{limit}` was reached");
        outcome.ending = EndingSeen::caused(Ending::LimitReached, Cause::Limit(limit), detail);
    } else if !finished {
        let signal = status.as_ref().and_then(ExitStatus::signal);
        outcome.ending = died(signal, &String::from_utf8_lossy(&own_words));
        if status.is_none() {
            // Its launcher, who would know, is gone as well, and the kernel took the worker along.
            outcome.ending.signal = None;
            outcome.ending.detail = "the worker is gone, and so is its launcher".into();
        }
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
    outcome.usage.push(used(LimitKey::Deadline, nanos(taken)));
    for (key, more) in [(LimitKey::Disk, scratch.0), (LimitKey::Files, scratch.1)] {
        let counted = outcome.usage.iter_mut().find(|usage| usage.limit == key).and_then(|usage| usage.used.as_mut());
        match counted {
            Some(counted) => *counted = counted.saturating_add(more),
            None if !started.scratch.is_empty() => outcome.usage.push(used(key, more)),
            None => {}
        }
    }
    let compile_memory = seen.compile_memory.or(if killed == Some(LimitKey::CompileMemory) { memory } else { None });
    outcome.usage.extend(compile_memory.map(|memory| used(LimitKey::CompileMemory, memory)));
    if !outcome.usage.iter().any(|usage| usage.limit == LimitKey::CompileTime) {
        let compile_time = seen.compile_time.or(seen.compiling.map(|since| since.elapsed()));
        outcome.usage.extend(compile_time.map(|time| used(LimitKey::CompileTime, nanos(time))));
    }
    complete_usage(&mut outcome.usage, protections);
    outcome
}

/// Bytes and names that the scratch directories of a worker hold.
fn scratch_used(worker: &Process, places: &[usize]) -> (u64, u64) {
    let mut sum = (0_u64, 0_u64);
    for place in places {
        if let Ok(system) = rustix::fs::statvfs(format!("/proc/{}/root/{place}", worker.id())) {
            let blocks = system.f_blocks.saturating_sub(system.f_bfree).saturating_mul(system.f_frsize);
            // The directory itself is one of them.
            let names = system.f_files.saturating_sub(system.f_ffree).saturating_sub(1);
            sum = (sum.0.saturating_add(blocks), sum.1.saturating_add(names));
        }
    }
    sum
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
