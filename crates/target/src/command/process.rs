//! One program, run to its end in a process group of its own, with both outputs read at once.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, thread};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// Most bytes that are kept of each of the two outputs. What is beyond is read and counted, so that the program never waits on a full
/// pipe: a flood that stops for want of a reader was contained by accident.
const KEPT: usize = 4 << 20;
/// How long the outputs may stay open after the whole group was killed, held by a process that left it.
const STRAGGLERS: Duration = Duration::from_secs(5);

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It was killed for running too long.
    Killed,
    /// It exited with a code.
    Exited(i32),
    /// A signal ended it.
    Signalled(i32),
}

/// What arrived on one output.
#[derive(Debug, Default)]
pub(super) struct Captured {
    /// The start of it.
    pub(super) bytes: Vec<u8>,
    /// How many bytes arrived.
    pub(super) arrived: u64,
    /// Somebody held the output open past the end, so there may have been more.
    pub(super) held_open: bool,
}

impl Captured {
    /// Whether more arrived than was kept, or may have.
    pub(super) fn is_cut(&self) -> bool {
        self.held_open || self.arrived > self.bytes.len() as u64
    }
}

/// A program that ended.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) end: End,
    pub(super) stdout: Captured,
    pub(super) stderr: Captured,
}

/// Runs a program with nothing of our environment but `PATH`, and with no input. Whatever of its process group is left is killed.
pub(super) fn run(program: &Path, arguments: &[OsString], within: Option<Duration>) -> io::Result<Finished> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    if let Some(path) = env::var_os("PATH") {
        command.env("PATH", path);
    }
    let mut child = command.spawn()?;
    let stdout = Output::read(child.stdout.take().expect("stdout is piped"));
    let stderr = Output::read(child.stderr.take().expect("stderr is piped"));
    let killed = !ends_within(&child, within)?;
    // The child is not reaped yet, so its number still names its group and nobody else's. A group that is gone is what we want.
    let _ = kill_process_group(pid(&child), Signal::KILL);
    let status = child.wait()?;
    let end = match (killed, status.code()) {
        (true, _) => End::Killed,
        (false, Some(code)) => End::Exited(code),
        (false, None) => End::Signalled(status.signal().unwrap_or_default()),
    };
    let until = Instant::now() + STRAGGLERS;
    Ok(Finished { end, stdout: stdout.finish(until), stderr: stderr.finish(until) })
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// Waits for the child's end without reaping it; false if it is still running after `within`.
fn ends_within(child: &Child, within: Option<Duration>) -> io::Result<bool> {
    let pid = pid(child);
    let (sender, receiver) = mpsc::channel();
    // Ends with the child, which the caller kills in any case.
    thread::Builder::new().name("await-target".to_owned()).spawn(move || {
        let ended = loop {
            match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                Err(rustix::io::Errno::INTR) => {}
                other => break other.map(|_| ()),
            }
        };
        // Nobody listens any more if the time was up.
        let _ = sender.send(ended);
    })?;
    let ended = match within {
        None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
        Some(within) => receiver.recv_timeout(within),
    };
    match ended {
        Ok(ended) => Ok(ended.map(|()| true)?),
        Err(RecvTimeoutError::Timeout) => Ok(false),
        Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("the thread that awaits the program died")),
    }
}

/// An output that a thread of its own reads.
struct Output {
    captured: Arc<Mutex<Captured>>,
    done: mpsc::Receiver<()>,
}

impl Output {
    fn read(mut from: impl Read + Send + 'static) -> Self {
        let captured = Arc::new(Mutex::new(Captured::default()));
        let (sender, done) = mpsc::channel();
        let into = Arc::clone(&captured);
        thread::spawn(move || {
            let mut buffer = [0; 16 << 10];
            loop {
                let read = match from.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(read) => read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(_) => break,
                };
                let mut captured = into.lock().unwrap_or_else(PoisonError::into_inner);
                let room = KEPT - captured.bytes.len();
                captured.bytes.extend_from_slice(&buffer[..read.min(room)]);
                captured.arrived += read as u64;
            }
            let _ = sender.send(());
        });
        Self { captured, done }
    }

    /// What arrived, at the output's end or at `until`.
    fn finish(self, until: Instant) -> Captured {
        let ended = self.done.recv_timeout(until.saturating_duration_since(Instant::now())).is_ok();
        let mut captured = std::mem::take(&mut *self.captured.lock().unwrap_or_else(PoisonError::into_inner));
        captured.held_open = !ended;
        captured
    }
}
