//! Watching a run from outside: what its processes use at their peak, what they wrote, when to end it.
//!
//! Nothing here asks the target. While it works, a thread of the supervisor looks at everything that descends from the supervisor; it
//! ends the run as soon as the attack has what it wanted, when the watchdog's time is up, or at the memory ceiling.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, PipeReader, PipeWriter, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gauntlet_corpus::{Obtains, Quantity};
use gauntlet_record::Measured;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use rustix::event::{PollFd, PollFlags, Timespec};
use serde::{Deserialize, Serialize};

use crate::listeners::Listeners;
use crate::obtains::obtained;
use crate::process::{self, Process, Sample};
use crate::snapshot::{self, Amount};
use crate::world::Regions;

/// How often processes are looked at: closely at first, since many runs are over in a few milliseconds.
const PERIODS: (Duration, Duration, Duration) =
    (Duration::from_millis(2), Duration::from_millis(100), Duration::from_millis(4));
/// How long processes that a target left behind may show whether they still work.
const SETTLE: Duration = Duration::from_millis(100);
/// Left-over processes that use more CPU time than this in that time, in nanoseconds, still work; so do those that wait for a core of a
/// loaded machine. A thread that only ticks stays below it.
const BUSY: u64 = 2_000_000;
/// Most bytes kept of what arrives on the supervisor's own standard streams.
const MAX_INHERITED: usize = 1 << 20;
/// Bytes taken from them at once: a flood must not keep us from looking at the rest.
const MAX_DRAIN: usize = 4 << 20;

/// What an empty guest uses on the same target; taken off what a run uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calibration {
    /// Peak resident memory, in bytes.
    pub memory: u64,
    /// Descriptors.
    pub open_files: u64,
    /// Threads.
    pub threads: u64,
    /// Processes.
    pub processes: u64,
}

impl Calibration {
    /// The larger of two looks, value by value: a short run is easily looked at too late.
    #[must_use]
    pub fn max(self, measured: &Measured) -> Self {
        Self {
            memory: self.memory.max(measured.memory.unwrap_or(0)),
            open_files: self.open_files.max(measured.open_files.unwrap_or(0)),
            threads: self.threads.max(measured.threads.unwrap_or(0)),
            processes: self.processes.max(measured.processes.unwrap_or(0)),
        }
    }
}

/// Why the harness ended a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// The attack has what it wanted.
    Obtained,
    /// Time was up.
    Watchdog,
    /// The memory ceiling was met.
    Ceiling,
}

/// What to watch, and when to end it.
pub(crate) struct Watch<'a> {
    /// What the attack wants; `None` for a run that is not to be ended early.
    pub(crate) obtains: Option<Obtains>,
    /// What an empty guest uses.
    pub(crate) calibration: Calibration,
    pub(crate) watchdog: Duration,
    pub(crate) ceiling: u64,
    pub(crate) root: &'a Path,
    pub(crate) regions: &'a Regions,
    pub(crate) before: Amount,
    pub(crate) listeners: &'a mut Listeners,
    pub(crate) inherited: &'a mut Inherited,
    pub(crate) start: Instant,
    /// Nanoseconds from the start to the target's answer; 0 before.
    pub(crate) answered: &'a AtomicU64,
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    /// Times, memory, counts; the rest is for others to fill in.
    pub(crate) measured: Measured,
    /// Why the harness ended the run, if it did.
    pub(crate) stopped: Option<Stopped>,
    /// The names of processes that the target left behind.
    pub(crate) left_over: Vec<String>,
}

/// The most that was seen of everything.
#[derive(Debug, Default)]
struct Peaks {
    memory: Option<u64>,
    resident: u64,
    open_files: Option<u64>,
    threads: Option<u64>,
    processes: Option<u64>,
    amount: Amount,
    cpu: BTreeMap<u32, u64>,
    cpu_reused: u64,
    io: BTreeMap<u32, (u64, bool)>,
    io_now: Option<u64>,
}

impl Watch<'_> {
    /// Watches until the target has answered and nothing of it is left. `done` closes when it has answered.
    pub(crate) fn observe(self, done: &PipeReader) -> Observed {
        let me = std::process::id();
        let usage_before = getrusage(UsageWho::RUSAGE_CHILDREN).ok();
        let mut peaks = Peaks::default();
        let mut stopped = None;
        let mut left_over = BTreeSet::new();
        let mut answered = false;
        let mut settle: Option<(Instant, u64)> = None;
        let mut busy_after = false;
        let mut next_disk = self.start;
        let ended = loop {
            self.wait(done, answered);
            let elapsed = self.start.elapsed();
            answered = self.answered.load(Ordering::Acquire) > 0;
            self.listeners.drain();
            self.inherited.drain();
            let tree = process::descendants(me);
            let living: Vec<Process> = tree.iter().copied().filter(|process| !process.ended).collect();
            peaks.look(me, &living);
            if self.counts_disk() && Instant::now() >= next_disk {
                let began = Instant::now();
                if let Some(amount) = snapshot::amount(self.root, self.regions) {
                    let amount = amount.less(self.before);
                    let hidden = hidden(self.root, &living);
                    peaks.amount.files = peaks.amount.files.max(amount.files + hidden.files);
                    peaks.amount.disk = peaks.amount.disk.max(amount.disk + hidden.disk);
                }
                // A large tree takes long to walk: leave most of the time to the guest.
                next_disk = Instant::now() + (began.elapsed() * 4).max(Duration::from_millis(10));
            }
            if stopped.is_none() && !(answered && living.is_empty()) {
                stopped = self.verdict(&peaks, elapsed);
            }
            if stopped.is_some() {
                process::kill_descendants(me);
            }
            if answered {
                process::reap();
                let living: Vec<Process> =
                    process::descendants(me).into_iter().filter(|process| !process.ended).collect();
                if living.is_empty() {
                    break self.start.elapsed();
                }
                let now = (Instant::now(), peaks.cpu_time());
                let (since, cpu) = *settle.get_or_insert(now);
                if since.elapsed() >= SETTLE {
                    left_over.extend(living.iter().map(|process| process::name(process.pid)));
                    let waits = living.iter().any(|process| process::wants_to_run(process.pid));
                    if now.1.saturating_sub(cpu) < BUSY && !waits {
                        process::kill_descendants(me);
                    } else {
                        busy_after = true;
                        settle = Some(now);
                    }
                }
            }
        };
        process::reap();
        self.listeners.drain();
        self.inherited.drain();
        let answered = Duration::from_nanos(self.answered.load(Ordering::Acquire));
        let mut measured = self.measured(&peaks, if busy_after { ended } else { answered.min(ended) });
        add_usage(&mut measured, usage_before.as_ref(), self.calibration);
        measured.watchdog = stopped == Some(Stopped::Watchdog);
        measured.ceiling = stopped == Some(Stopped::Ceiling);
        // A run that the harness ended leaves its children to the harness.
        let left_over = if stopped.is_some() { Vec::new() } else { left_over.into_iter().collect() };
        Observed { measured, stopped, left_over }
    }

    /// Waits for a packet, output or the answer, but not for longer than one period.
    fn wait(&self, done: &PipeReader, answered: bool) {
        let period = if self.start.elapsed() < PERIODS.1 { PERIODS.0 } else { PERIODS.2 };
        // A packet is not lost when it waits; only the answer is worth waking up for at once.
        let mut fds = Vec::new();
        if !answered {
            fds.push(PollFd::new(done, PollFlags::IN));
            fds.extend(self.listeners.descriptors().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        }
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::try_from(period.as_nanos()).unwrap_or(1_000_000) };
        let _ = rustix::event::poll(&mut fds, Some(&timeout));
    }

    /// Whether what lies on the disk has to be counted while the guest works.
    fn counts_disk(&self) -> bool {
        matches!(self.obtains, Some(Obtains::Above(Quantity::Disk | Quantity::Files, _)))
    }

    fn verdict(&self, peaks: &Peaks, elapsed: Duration) -> Option<Stopped> {
        let wanted = self.obtains.as_ref();
        if wanted.is_some_and(|wanted| obtained(wanted, &self.measured(peaks, elapsed)) == Some(true)) {
            Some(Stopped::Obtained)
        } else if elapsed >= self.watchdog {
            Some(Stopped::Watchdog)
        } else if peaks.resident.max(peaks.memory.unwrap_or(0)) > self.ceiling {
            Some(Stopped::Ceiling)
        } else {
            None
        }
    }

    fn measured(&self, peaks: &Peaks, wall: Duration) -> Measured {
        let base = self.calibration;
        let less = |value: Option<u64>, base: u64| value.map(|value| value.saturating_sub(base));
        Measured {
            wall_time: Some(u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX)),
            cpu_time: (!peaks.cpu.is_empty()).then(|| peaks.cpu_time()),
            memory: less(peaks.memory, base.memory),
            output: Some(self.inherited.arrived),
            files: Some(peaks.amount.files),
            disk: Some(peaks.amount.disk),
            open_files: less(peaks.open_files, base.open_files),
            threads: less(peaks.threads, base.threads),
            processes: less(peaks.processes, base.processes),
            io_calls: peaks.io_now,
            packets: self.listeners.seen(),
            ..Measured::default()
        }
    }
}

impl Peaks {
    fn look(&mut self, me: u32, living: &[Process]) {
        let seen: Vec<(Process, Sample)> =
            living.iter().filter_map(|process| Some((*process, process::sample(process.pid)?))).collect();
        if seen.is_empty() {
            return;
        }
        let sum = |of: fn(&Sample) -> u64| seen.iter().map(|(_, sample)| of(sample)).sum::<u64>();
        let all = |of: fn(&Sample) -> Option<u64>| seen.iter().map(|(_, sample)| of(sample)).sum::<Option<u64>>();
        self.memory = self.memory.max(seen.iter().map(|(_, sample)| sample.peak_memory).max());
        self.resident = self.resident.max(sum(|sample| sample.resident));
        self.threads = self.threads.max(Some(sum(|sample| sample.threads)));
        self.processes = self.processes.max(Some(seen.len() as u64));
        self.open_files = self.open_files.max(all(|sample| sample.open_files));
        for (process, sample) in &seen {
            if let Some(time) = sample.cpu_time {
                let last = self.cpu.insert(process.pid, time).unwrap_or(0);
                // A smaller time is another process under the same number.
                self.cpu_reused += if time < last { last } else { 0 };
            }
            if let Some(calls) = sample.io_calls {
                self.io.insert(process.pid, (calls, process.parent == me));
            }
        }
        // The calls of a process that was reaped are part of its parent's, unless the parent is this supervisor.
        self.io.retain(|pid, (_, ours)| *ours || seen.iter().any(|(process, _)| process.pid == *pid));
        if !self.io.is_empty() {
            self.io_now = self.io_now.max(Some(self.io.values().map(|(calls, _)| calls).sum()));
        }
    }

    /// CPU time of all processes that were ever seen, as of the last look at each.
    fn cpu_time(&self) -> u64 {
        self.cpu_reused + self.cpu.values().sum::<u64>()
    }
}

/// Adds what the system counted for reaped children: exact for CPU time; for memory only above our own peak, since a child that was
/// started by this process inherits that.
fn add_usage(measured: &mut Measured, before: Option<&nix::sys::resource::Usage>, calibration: Calibration) {
    let (Some(before), Ok(after)) = (before, getrusage(UsageWho::RUSAGE_CHILDREN)) else { return };
    let spent = |usage: &nix::sys::resource::Usage| (usage.user_time() + usage.system_time()).num_nanoseconds();
    let cpu = u64::try_from(spent(&after) - spent(before)).unwrap_or(0);
    if cpu > 0 || measured.cpu_time.is_some() {
        measured.cpu_time = Some(cpu.max(measured.cpu_time.unwrap_or(0)));
    }
    let peak = u64::try_from(after.max_rss()).unwrap_or(0) * 1024;
    if peak > own_peak() || (measured.memory.is_none() && peak > 0) {
        measured.memory = measured.memory.max(Some(peak.saturating_sub(calibration.memory)));
    }
}

fn own_peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("");
    line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).map_or(u64::MAX, |kib| kib * 1024)
}

/// What a walk does not see: files that were unlinked and are still open, and memory file systems of the worker's own that it holds a
/// directory of.
fn hidden(root: &Path, living: &[Process]) -> Amount {
    let mut amount = Amount::default();
    let Ok(world) = rustix::fs::stat(root) else { return amount };
    let ours = devices();
    let mut seen = BTreeSet::new();
    for process in living {
        for entry in fs::read_dir(format!("/proc/{}/fd", process.pid)).into_iter().flatten().flatten() {
            let Ok(stat) = rustix::fs::stat(entry.path()) else { continue };
            let kind = rustix::fs::FileType::from_raw_mode(stat.st_mode);
            let unlinked =
                kind == rustix::fs::FileType::RegularFile && stat.st_nlink == 0 && stat.st_dev == world.st_dev;
            if unlinked && seen.insert((stat.st_dev, stat.st_ino)) {
                amount.disk += u64::try_from(stat.st_blocks).unwrap_or(0) * 512;
            }
            let own_mount = kind == rustix::fs::FileType::Directory && !ours.contains(&stat.st_dev);
            if own_mount
                && seen.insert((stat.st_dev, 0))
                && let Ok(system) = rustix::fs::statfs(entry.path())
                && system.f_type == TMPFS_MAGIC
            {
                amount.disk +=
                    system.f_blocks.saturating_sub(system.f_bfree) * u64::try_from(system.f_bsize).unwrap_or(0);
                amount.files += system.f_files.saturating_sub(system.f_ffree).saturating_sub(1);
            }
        }
    }
    amount
}

/// The number by which a kernel names tmpfs. Source: statfs(2).
pub(crate) const TMPFS_MAGIC: rustix::fs::FsWord = 0x0102_1994;

/// The devices that this process has mounted.
fn devices() -> BTreeSet<u64> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let number = |line: &str| -> Option<u64> {
        let (major, minor) = line.split_whitespace().nth(2)?.split_once(':')?;
        Some(rustix::fs::makedev(major.parse().ok()?, minor.parse().ok()?))
    };
    mounts.lines().filter_map(number).collect()
}

/// The supervisor's own standard output and error while a target works: what a started program writes there was inherited, and counts as
/// the guest's.
pub(crate) struct Inherited {
    readers: [PipeReader; 2],
    /// All bytes that arrived.
    pub(crate) arrived: u64,
    /// The first of them, of each stream.
    pub(crate) data: [Vec<u8>; 2],
    saved: Option<[OwnedFd; 2]>,
}

impl Inherited {
    /// Puts pipes in place of both streams.
    pub(crate) fn begin() -> io::Result<Self> {
        let stream = || -> io::Result<(PipeReader, PipeWriter)> {
            let (reader, writer) = io::pipe()?;
            rustix::io::ioctl_fionbio(&reader, true)?;
            Ok((reader, writer))
        };
        let ((stdout, stdout_end), (stderr, stderr_end)) = (stream()?, stream()?);
        let keep = |fd: BorrowedFd<'_>| rustix::io::fcntl_dupfd_cloexec(fd, 3);
        let saved = [keep(io::stdout().as_fd())?, keep(io::stderr().as_fd())?];
        rustix::stdio::dup2_stdout(&stdout_end)?;
        rustix::stdio::dup2_stderr(&stderr_end)?;
        Ok(Self { readers: [stdout, stderr], arrived: 0, data: [Vec::new(), Vec::new()], saved: Some(saved) })
    }

    /// Takes what has arrived. Never waits.
    fn drain(&mut self) {
        let mut buffer = [0; 65_536];
        for (reader, data) in self.readers.iter_mut().zip(&mut self.data) {
            let mut taken = 0;
            while taken < MAX_DRAIN {
                match reader.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(length) => {
                        taken += length;
                        self.arrived += length as u64;
                        let room = MAX_INHERITED.saturating_sub(data.len());
                        data.extend_from_slice(&buffer[..length.min(room)]);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
        }
    }

    /// Puts the streams back.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        if let Some([stdout, stderr]) = self.saved.take() {
            rustix::stdio::dup2_stdout(&stdout)?;
            rustix::stdio::dup2_stderr(&stderr)?;
        }
        self.drain();
        Ok(())
    }
}

impl Drop for Inherited {
    fn drop(&mut self) {
        let _ = self.end();
    }
}
