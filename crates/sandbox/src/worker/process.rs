//! A worker process as its parent holds it, whoever started it: pipes, identity, end.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// What a pipe holds by itself, and what the system lets anybody have, in bytes. Source: pipe(7).
const PIPE: usize = 64 << 10;
const MAX_PIPE: usize = 1 << 20;

/// A worker that is ended and reaped on every path.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) stdin: Option<File>,
    pub(super) stdout: File,
    stderr: Option<File>,
    id: u32,
    holder: Holder,
}

/// Who reaps it.
#[derive(Debug)]
enum Holder {
    /// It is our own child.
    Ours(Child),
    /// A launcher started it, tells how it ended on the line, and reaps it.
    Launched { handle: OwnedFd, line: File, ended: Option<ExitStatus> },
}

impl Process {
    /// Takes over a child with three pipes.
    pub(super) fn ours(mut child: Child) -> io::Result<Self> {
        let missing = || io::Error::from(io::ErrorKind::BrokenPipe);
        let file = |fd: OwnedFd| File::from(fd);
        let stdin = child.stdin.take().map(|pipe| file(pipe.into()));
        Ok(Self {
            stdin: stdin.map(unblocked).transpose()?,
            stdout: child.stdout.take().map(|pipe| file(pipe.into())).ok_or_else(missing)?,
            stderr: child.stderr.take().map(|pipe| file(pipe.into())),
            id: child.id(),
            holder: Holder::Ours(child),
        })
    }

    /// Takes over what a launcher started.
    pub(super) fn launched(pipes: [File; 3], id: u32, handle: OwnedFd, line: File) -> io::Result<Self> {
        let [stdin, stdout, stderr] = pipes;
        let holder = Holder::Launched { handle, line, ended: None };
        Ok(Self { stdin: Some(unblocked(stdin)?), stdout, stderr: Some(stderr), id, holder })
    }

    /// Its number, as this process sees it.
    pub(super) const fn id(&self) -> u32 {
        self.id
    }

    /// Makes room in its pipe for much at once, as far as the system allows: every time it is full costs a turn of both processes.
    pub(super) fn expect(&self, bytes: usize) {
        if let Some(pipe) = self.stdin.as_ref().filter(|_| bytes > PIPE) {
            let _ = rustix::pipe::fcntl_setpipe_size(pipe, bytes.min(MAX_PIPE));
        }
    }

    pub(super) fn stdout(&self) -> BorrowedFd<'_> {
        self.stdout.as_fd()
    }

    /// Ends it now. What has ended already stays as it is.
    pub(super) fn kill(&mut self) {
        match &mut self.holder {
            Holder::Ours(child) => _ = child.kill(),
            Holder::Launched { handle, .. } => _ = pidfd_send_signal(handle, Signal::KILL),
        }
    }

    /// Gives it some time to end by itself, and ends it then.
    pub(super) fn end_within(&mut self, time: Duration) -> io::Result<ExitStatus> {
        match &self.holder {
            Holder::Ours(child) => _ = ends_within(child, time),
            Holder::Launched { ended: Some(_), .. } => {}
            Holder::Launched { handle, .. } => _ = readable_within(handle.as_fd(), time),
        }
        self.kill();
        self.wait()
    }

    /// Waits for its end.
    pub(super) fn wait(&mut self) -> io::Result<ExitStatus> {
        match &mut self.holder {
            Holder::Ours(child) => child.wait(),
            Holder::Launched { ended: Some(ended), .. } => Ok(*ended),
            Holder::Launched { line, ended, .. } => {
                let mut status = [0; 4];
                line.read_exact(&mut status)?;
                let status = ExitStatus::from_raw(i32::from_le_bytes(status));
                *ended = Some(status);
                Ok(status)
            }
        }
    }

    /// What it wrote on standard error, once it has ended; at most `most` bytes.
    pub(super) fn own_words(&mut self, most: u64) -> Vec<u8> {
        let mut words = Vec::new();
        if let Some(stderr) = self.stderr.take() {
            let _ = stderr.take(most).read_to_end(&mut words);
        }
        words
    }

    /// Peak resident memory, in bytes.
    pub(super) fn peak_memory(&self) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.id)).ok()?;
        let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()?.checked_mul(1024)
    }

    /// CPU time of all its threads, user and system.
    pub(super) fn cpu_time(&self) -> Option<Duration> {
        let id = nix::unistd::Pid::from_raw(i32::try_from(self.id).ok()?);
        let clock = nix::time::clock_getcpuclockid(id).ok()?;
        nix::time::clock_gettime(clock).ok().map(Duration::from)
    }
}

/// A pipe that nobody waits at when it is full: a worker that takes nothing must not hold its parent up.
fn unblocked(pipe: File) -> io::Result<File> {
    rustix::io::ioctl_fionbio(&pipe, true)?;
    Ok(pipe)
}

/// Whether a child of ours ends within some time.
pub(super) fn ends_within(child: &Child, time: Duration) -> bool {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok())
        .is_some_and(|handle| readable_within(handle.as_fd(), time))
}

/// Whether there is something to be read, or the other end is gone, within some time.
pub(super) fn readable_within(descriptor: BorrowedFd<'_>, time: Duration) -> bool {
    let until = Instant::now() + time;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        match poll(&mut [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)], Some(&left)) {
            Err(rustix::io::Errno::INTR) => {}
            Err(_) | Ok(0) => return false,
            Ok(_) => return true,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        let _ = self.wait();
    }
}
