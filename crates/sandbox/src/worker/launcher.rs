//! The launcher: a small process that holds the namespaces and starts the workers in them.
//!
//! A process that enters a process namespace cannot start threads any more, and that namespace lives as long as its first process. So a
//! launcher enters, starts a first process that does nothing but outlive the workers, and then starts workers as it is asked to. Asking
//! is one message with four descriptors: the worker's three streams and a line on which the launcher answers with the worker's number and
//! handle and, when it has ended, with how.
//!
//! A launcher ends when its control socket closes, and takes the namespace and every worker in it along; so do the kernel's own rules if
//! it is killed.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use serde::{Deserialize, Serialize};

use super::process::{Process, ends_within, readable_within};
use crate::jail::groups::{Group, Seat};
use crate::jail::namespaces::{self, Entered, Ground};

/// The word after `worker` that makes a launcher.
pub(super) const LAUNCH: &str = "launch";
/// The word after `worker` that makes the first process of a namespace.
pub(super) const FIRST: &str = "first";
/// How long a launcher may take to answer, or to end when it was told to. One that is well needs a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// How the system's allocator is told to keep what it was given: a worker lives for one guest, and pages that are given back and asked
/// for again are what starting one costs most. All of a worker's environment; its guest sees none of it.
const ALLOCATOR: [(&str, &str); 3] =
    [("MALLOC_ARENA_MAX", "1"), ("MALLOC_MMAP_THRESHOLD_", "33554432"), ("MALLOC_TRIM_THRESHOLD_", "134217728")];
/// Most bytes of one message.
const MAX_MESSAGE: usize = 4096;

/// A launcher, as its parent holds it. Threads may share it.
#[derive(Debug)]
pub(super) struct Launcher {
    control: OwnedFd,
    process: Mutex<Child>,
    entered: OnceLock<Entered>,
    /// The control group that it and all its workers are in. It goes after them.
    _group: Option<Group>,
}

/// What a launcher is told before anything else.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    ground: Ground,
    seat: Option<Seat>,
}

impl Launcher {
    /// Starts one, in a control group if there is one for it. It says what it entered when it is first asked.
    pub(super) fn start(program: &Path, ground: Ground, group: Option<Group>) -> io::Result<Self> {
        let (control, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let told = serde_json::to_vec(&Told { ground, seat: group.as_ref().map(Group::seat) })?;
        send(control.as_fd(), &told, &[])?;
        let process = Command::new(program)
            .args(["worker", LAUNCH])
            .env_clear()
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { control, process: Mutex::new(process), entered: OnceLock::new(), _group: group })
    }

    /// What was entered.
    pub(super) fn entered(&self) -> io::Result<Entered> {
        if let Some(entered) = self.entered.get() {
            return Ok(entered.clone());
        }
        // Only one message ever comes this way, so that whoever gets it keeps it for the others.
        let held = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entered) = self.entered.get() {
            return Ok(entered.clone());
        }
        let (message, _) = answer(self.control.as_fd())?;
        let entered: Entered = serde_json::from_slice(&message)?;
        drop(held);
        Ok(self.entered.get_or_init(|| entered).clone())
    }

    /// Whether it is still there to start workers.
    pub(super) fn alive(&self) -> bool {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(process.try_wait(), Ok(None))
    }

    /// Starts a worker.
    pub(super) fn spawn(&self) -> io::Result<Process> {
        let (their_stdin, stdin) = io::pipe()?;
        let (stdout, their_stdout) = io::pipe()?;
        let (stderr, their_stderr) = io::pipe()?;
        let (line, their_line) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let theirs = [their_stdin.as_fd(), their_stdout.as_fd(), their_stderr.as_fd(), their_line.as_fd()];
        send(self.control.as_fd(), b"worker", &theirs)?;
        drop((their_stdin, their_stdout, their_stderr, their_line));
        let (message, mut handles) = answer(line.as_fd())?;
        let answer = message.first_chunk::<4>().map(|number| u32::from_le_bytes(*number));
        match (answer, handles.pop()) {
            (Some(id), Some(handle)) => {
                let file = |fd: OwnedFd| File::from(fd);
                let pipes = [file(stdin.into()), file(stdout.into()), file(stderr.into())];
                Process::launched(pipes, id, handle, File::from(line))
            }
            (Some(errno), None) => Err(io::Error::from_raw_os_error(i32::try_from(errno).unwrap_or(0))),
            (None, _) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        // The launcher ends when nobody holds the other end of its socket.
        let _ = rustix::net::shutdown(&self.control, rustix::net::Shutdown::Both);
        let process = self.process.get_mut().unwrap_or_else(PoisonError::into_inner);
        // One that was stopped from outside does not see that; its namespace ends with it.
        if !ends_within(process, PATIENCE) {
            let _ = process.kill();
        }
        let _ = process.wait();
    }
}

fn send(to: BorrowedFd<'_>, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    sendmsg(to, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Waits for a launcher's answer, but not for ever: somebody may have stopped it.
fn answer(from: BorrowedFd<'_>) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    if !readable_within(from, PATIENCE) {
        return Err(io::ErrorKind::TimedOut.into());
    }
    receive(from)
}

/// Receives one message; an empty one means that the other end is closed.
fn receive(from: BorrowedFd<'_>) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut bytes = vec![0; MAX_MESSAGE];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        match recvmsg(from, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC) {
            Err(rustix::io::Errno::INTR) => {}
            other => break other?,
        }
    };
    bytes.truncate(received.bytes);
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    Ok((bytes, descriptors))
}

/// The launcher's own life.
pub(super) fn launch() -> io::Result<()> {
    let control = io::stdin().as_fd().try_clone_to_owned()?;
    let (told, _) = receive(control.as_fd())?;
    let Told { ground, seat } = serde_json::from_slice(&told)?;
    let group = seat.map(Seat::enter);
    let entered = Entered { group, ..namespaces::enter(ground) };
    let mut first = None;
    if entered.processes {
        let child = Command::new("/proc/self/exe").args(["worker", FIRST]).env_clear().stdin(Stdio::piped()).spawn()?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound)?;
        first = Some((child, pidfd_open(pid, PidfdFlags::empty())?));
    }
    send(control.as_fd(), &serde_json::to_vec(&entered)?, &[])?;
    let parent = if entered.processes { "0".to_owned() } else { std::process::id().to_string() };
    let mut workers: Vec<Started> = Vec::new();
    loop {
        let ready: Vec<bool> = {
            let mut watched = vec![PollFd::new(&control, PollFlags::IN)];
            watched.extend(workers.iter().map(|worker| PollFd::new(&worker.handle, PollFlags::IN)));
            watched.extend(first.iter().map(|(_, handle)| PollFd::new(handle, PollFlags::IN)));
            match poll(&mut watched, None) {
                Err(rustix::io::Errno::INTR) => continue,
                other => _ = other?,
            }
            watched.iter().map(|watched| !watched.revents().is_empty()).collect()
        };
        // A namespace without its first process starts nothing any more: whoever holds us makes another.
        if first.is_some() && ready.last() == Some(&true) {
            break;
        }
        // A worker that has ended is reaped and told of; the others stay.
        let mut ended = ready.iter().skip(1);
        workers.retain_mut(|worker| !ended.next().copied().unwrap_or(false) || !worker.told());
        if ready[0] {
            match receive(control.as_fd()) {
                Ok((message, descriptors)) if !message.is_empty() => {
                    workers.extend(start(descriptors, &parent));
                }
                Ok(_) | Err(_) => break,
            }
        }
    }
    for mut worker in workers {
        let _ = worker.child.kill();
        if let Ok(status) = worker.child.wait() {
            let _ = send(worker.line.as_fd(), &status.into_raw().to_le_bytes(), &[]);
        }
    }
    if let Some((mut first, _)) = first {
        drop(first.stdin.take());
        let _ = first.kill();
        let _ = first.wait();
    }
    Ok(())
}

struct Started {
    child: Child,
    handle: OwnedFd,
    line: OwnedFd,
}

impl Started {
    /// Reaps the worker, if it has ended, and tells how.
    fn told(&mut self) -> bool {
        let Ok(Some(status)) = self.child.try_wait() else { return false };
        let _ = send(self.line.as_fd(), &status.into_raw().to_le_bytes(), &[]);
        true
    }
}

fn start(descriptors: Vec<OwnedFd>, parent: &str) -> Option<Started> {
    let [stdin, stdout, stderr, line] = <[OwnedFd; 4]>::try_from(descriptors).ok()?;
    let spawned = Command::new("/proc/self/exe")
        .args(["worker", parent])
        .env_clear()
        .envs(ALLOCATOR)
        .stdin(Stdio::from(stdin))
        .stdout(Stdio::from(stdout))
        .stderr(Stdio::from(stderr))
        .spawn();
    let started = spawned.and_then(|mut child| {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let handle = pid.ok_or(rustix::io::Errno::SRCH).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()));
        match handle {
            Ok(handle) => Ok((child, handle)),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error.into())
            }
        }
    });
    match started {
        Ok((child, handle)) => {
            let told = send(line.as_fd(), &child.id().to_le_bytes(), &[handle.as_fd()]);
            let mut started = Started { child, handle, line };
            if told.is_err() {
                let _ = started.child.kill();
            }
            Some(started)
        }
        Err(error) => {
            let _ = send(line.as_fd(), &error.raw_os_error().unwrap_or(0).to_le_bytes(), &[]);
            None
        }
    }
}

/// The first process of a namespace: it waits for its end, which comes when the launcher's does.
pub(super) fn first() -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let mut nothing = [0; 1];
    while io::stdin().lock().read(&mut nothing)? > 0 {}
    io::stdout().flush()
}
