//! The audit log: JSON Lines, one `start` and one `end` for each run.
//!
//! - A start is written before the guest is read. If it cannot be written, the run does not start.
//! - An end that cannot be written (a full disk) is kept and written before anything else, once that is possible again.
//! - A run whose process died is closed as `lost` by the next one that opens the log: nobody guesses that it ended well.
//! - Each line is one `write` to a file opened for appending, so several processes can share a file. Lines are shorter than
//!   [`MAX_LINE_BYTES`], and all text of guests and tenants in them is escaped: no line can be forged from inside.
//! - Rotation is left to the system's tools: when the file was renamed or removed, the next line goes to a new one, where the runs
//!   that go on are named again (`running`).
//!
//! The file is made readable and writable for its owner only. It has to be a regular file; symbolic links are not followed at its last
//! part.
//!
//! ```
//! use gauntlet_sandbox::audit::{AuditEntry, AuditLine};
//!
//! # fn show(text: &str) {
//! for line in text.lines() {
//!     if let Ok(AuditLine { entry: AuditEntry::End(end), .. }) = AuditLine::parse(line) {
//!         println!("{} {} {}", end.time, end.tenant, end.ending);
//!     }
//! }
//! # }
//! ```

mod line;
mod recover;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};

pub use line::{
    AUDIT_SCHEMA, AuditEnding, AuditEntry, AuditLine, DenialLine, EndLine, MAX_LINE_BYTES, MAX_LISTED_DENIALS, NoRunId,
    ProcessName, RefusedLine, RunId, StartLine, UsedOf,
};
pub(crate) use line::{names, word};

use crate::clock::{Clock, SystemClock, rfc3339};

/// Most lines that wait to be written, besides ends: those are as many as there are runs.
const MAX_WAITING: usize = 1024;

/// When a log is synced to the disk. A process that dies loses nothing that was written in any case; this is about the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fsync {
    /// Left to the system.
    Never,
    /// After each line. A run then waits for the disk, twice.
    Each,
    /// With the first line that comes at least this long after the last sync, and when the log is closed.
    Interval(Duration),
}

impl Default for Fsync {
    /// Every second.
    fn default() -> Self {
        Self::Interval(Duration::from_secs(1))
    }
}

/// A log that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// It cannot be opened, read or locked.
    #[error("cannot open the audit log `{}`", path.display())]
    Open {
        /// Which log.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// It is a directory, a pipe, a device or a symbolic link.
    #[error("the audit log `{}` is not a regular file", path.display())]
    NotAFile {
        /// Which log.
        path: PathBuf,
    },
    /// It cannot be written: the disk is full, for example.
    #[error("cannot write to the audit log `{}`", path.display())]
    Write {
        /// Which log.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
}

/// An open audit log.
pub struct AuditLog {
    path: PathBuf,
    fsync: Fsync,
    clock: Arc<dyn Clock>,
    process: ProcessName,
    lost: u64,
    inner: Mutex<Inner>,
}

struct Inner {
    file: File,
    /// Device and inode of the file, to notice when it was rotated away.
    id: (u64, u64),
    /// How long the file was when it was last looked at, to notice when it was cut.
    length: u64,
    /// A part of a line was written last, so the next one needs a newline first.
    torn: bool,
    waiting: VecDeque<Vec<u8>>,
    dropped: u64,
    running: BTreeMap<RunId, StartLine>,
    synced: Duration,
    unsynced: bool,
    /// How many more bytes fit on the disk; for tests.
    #[cfg(test)]
    room: Option<usize>,
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").field("path", &self.path).field("fsync", &self.fsync).finish_non_exhaustive()
    }
}

impl AuditLog {
    /// Opens or makes a log, and closes the runs of processes that died.
    ///
    /// # Errors
    ///
    /// If it cannot be opened, read and written, or is not a regular file.
    pub fn open(path: impl Into<PathBuf>, fsync: Fsync) -> Result<Self, AuditError> {
        Self::open_with(path, fsync, Arc::new(SystemClock::default()))
    }

    /// The same, on a clock of the caller's.
    ///
    /// # Errors
    ///
    /// As [`AuditLog::open`].
    pub fn open_with(path: impl Into<PathBuf>, fsync: Fsync, clock: Arc<dyn Clock>) -> Result<Self, AuditError> {
        let path = path.into();
        let process = ProcessName::own();
        let (file, id) = open(&path)?;
        let failed = |source| AuditError::Open { path: path.clone(), source };
        // Every process holds a shared lock on the log as long as it has it open. Whoever gets it alone knows that all open runs are lost.
        let alone = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => {
                file.lock_shared().map_err(failed)?;
                false
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        };
        let inner = Inner {
            file,
            id,
            length: 0,
            torn: false,
            waiting: VecDeque::new(),
            dropped: 0,
            running: BTreeMap::new(),
            synced: clock.monotonic(),
            unsynced: false,
            #[cfg(test)]
            room: None,
        };
        let mut log = Self { path: path.clone(), fsync, clock, process, lost: 0, inner: Mutex::new(inner) };
        log.lost = log.recover(alone)?;
        if alone {
            log.lock().file.lock_shared().map_err(failed)?;
        }
        crate::metrics::found_lost(log.lost);
        Ok(log)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many runs were found lost when it was opened.
    #[must_use]
    pub fn found_lost(&self) -> u64 {
        self.lost
    }

    /// How many lines wait to be written.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    /// How many lines were given up because too many waited. Never an end.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// How many runs are open in this process.
    #[must_use]
    pub fn running(&self) -> usize {
        self.lock().running.len()
    }

    /// This process, as starts name it.
    #[must_use]
    pub fn process(&self) -> &ProcessName {
        &self.process
    }

    /// Writes the start of a run.
    ///
    /// # Errors
    ///
    /// If it cannot be written, or lines that wait cannot. The run must not start then.
    pub fn start(&self, line: StartLine) -> Result<(), AuditError> {
        let bytes = AuditLine::new(AuditEntry::Start(Box::new(line.clone()))).render();
        let mut inner = self.lock();
        self.write(&mut inner, &bytes)?;
        if let Err(error) = self.sync_if_due(&mut inner) {
            // It stands in the log, so it gets an end, although nothing will run.
            let end = line.end(AuditEnding::Failed, rfc3339(&*self.clock));
            inner.waiting.push_back(AuditLine::new(AuditEntry::End(Box::new(end))).render());
            return Err(error);
        }
        inner.running.insert(line.run, line);
        Ok(())
    }

    /// Writes the end of a run.
    ///
    /// # Errors
    ///
    /// If it cannot be written now. It is kept and tried again with each later line, with [`AuditLog::flush`] and when the log is closed.
    pub fn end(&self, line: EndLine) -> Result<(), AuditError> {
        let run = line.run;
        let bytes = AuditLine::new(AuditEntry::End(Box::new(line))).render();
        let mut inner = self.lock();
        // A run that has ended is not named again in a new file; its end is.
        inner.running.remove(&run);
        self.write(&mut inner, &bytes).inspect_err(|_| inner.waiting.push_back(bytes))?;
        self.sync_if_due(&mut inner)
    }

    /// Writes another line: an alert or a refusal.
    ///
    /// # Errors
    ///
    /// If it cannot be written now. It is kept and tried again, unless too many wait.
    pub fn note(&self, entry: AuditEntry) -> Result<(), AuditError> {
        let bytes = AuditLine::new(entry).render();
        let mut inner = self.lock();
        self.write(&mut inner, &bytes).inspect_err(|_| {
            if inner.waiting.len() < MAX_WAITING {
                inner.waiting.push_back(bytes);
            } else {
                inner.dropped = inner.dropped.saturating_add(1);
            }
        })?;
        self.sync_if_due(&mut inner)
    }

    /// Writes what waits and syncs.
    ///
    /// # Errors
    ///
    /// If it still cannot be written.
    pub fn flush(&self) -> Result<(), AuditError> {
        let mut inner = self.lock();
        self.write(&mut inner, &[])?;
        self.sync(&mut inner).map_err(|source| AuditError::Write { path: self.path.clone(), source })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what waits and then a line, to the file that has the log's name now.
    fn write(&self, inner: &mut Inner, line: &[u8]) -> Result<(), AuditError> {
        let result = self.follow_rotation(inner).and_then(|()| {
            let failed = |source| AuditError::Write { path: self.path.clone(), source };
            while let Some(waiting) = inner.waiting.front() {
                let waiting = waiting.clone();
                inner.append(&waiting).map_err(failed)?;
                inner.waiting.pop_front();
            }
            if line.is_empty() { Ok(()) } else { inner.append(line).map_err(failed) }
        });
        result.inspect_err(tell)
    }

    fn sync_if_due(&self, inner: &mut Inner) -> Result<(), AuditError> {
        let due = match self.fsync {
            Fsync::Never => false,
            Fsync::Each => true,
            Fsync::Interval(interval) => self.clock.monotonic().saturating_sub(inner.synced) >= interval,
        };
        let synced = if due { self.sync(inner) } else { Ok(()) };
        synced.map_err(|source| AuditError::Write { path: self.path.clone(), source }).inspect_err(tell)
    }

    fn sync(&self, inner: &mut Inner) -> io::Result<()> {
        if inner.unsynced {
            inner.file.sync_data()?;
            inner.unsynced = false;
        }
        inner.synced = self.clock.monotonic();
        Ok(())
    }

    /// Opens the log again if its file was renamed or removed, and names the runs that go on there; also in a file that was copied and cut.
    fn follow_rotation(&self, inner: &mut Inner) -> Result<(), AuditError> {
        let now = std::fs::symlink_metadata(&self.path).ok();
        let length = now.as_ref().map_or(0, std::fs::Metadata::len);
        let cut = length < inner.length;
        if now.map(|metadata| (metadata.dev(), metadata.ino())) != Some(inner.id) {
            let (file, id) = open(&self.path)?;
            file.lock_shared().map_err(|source| AuditError::Open { path: self.path.clone(), source })?;
            let old = std::mem::replace(&mut inner.file, file);
            if self.fsync != Fsync::Never {
                // The old file is complete now; whether it reaches the disk is no reason to hold runs up.
                let _ = old.sync_data();
            }
            inner.id = id;
        } else if !cut {
            inner.length = length;
            return Ok(());
        }
        inner.length = 0;
        inner.torn = ends_within_a_line(&inner.file).unwrap_or(true);
        let running: Vec<Vec<u8>> = inner
            .running
            .values()
            .map(|line| AuditLine::new(AuditEntry::Running(Box::new(line.clone()))).render())
            .collect();
        // They come before the ends that wait.
        for line in running.into_iter().rev() {
            inner.waiting.push_front(line);
        }
        Ok(())
    }

    /// Closes the runs that nobody else will close. Says how many there were.
    fn recover(&self, alone: bool) -> Result<u64, AuditError> {
        let mut inner = self.lock();
        let failed = |source| AuditError::Open { path: self.path.clone(), source };
        let mut open = recover::scan(&inner.file).map_err(failed)?;
        inner.torn = ends_within_a_line(&inner.file).map_err(failed)?;
        let candidates: Vec<RunId> = open
            .runs
            .values()
            .filter(|line| alone || line.process.is_surely_dead(&self.process))
            .map(|line| line.run)
            .collect();
        if candidates.is_empty() && !(alone && open.read > recover::WORTH_A_CHECKPOINT) {
            return Ok(0);
        }
        // One process at a time; this lock is of another kind than the one above, and goes with the guard's end at the latest.
        rustix::fs::fcntl_lock(&inner.file, rustix::fs::FlockOperation::LockExclusive)
            .map_err(|errno| failed(errno.into()))?;
        // What those processes wrote before they died, and what others recovered meanwhile, is in the file by now.
        recover::go_on(&inner.file, &mut open).map_err(failed)?;
        let mut lost = 0;
        let mut written = Ok(());
        for run in candidates {
            if let Some(start) = open.runs.remove(&run) {
                let mut end = start.end(AuditEnding::Lost, rfc3339(&*self.clock));
                end.detail = "the process that ran it is gone".to_owned();
                end.recovered = true;
                written = self.write(&mut inner, &AuditLine::new(AuditEntry::End(Box::new(end))).render());
                if written.is_err() {
                    break;
                }
                lost += 1;
            }
        }
        if written.is_ok() && alone && open.runs.is_empty() && open.read > recover::WORTH_A_CHECKPOINT {
            let checkpoint = AuditEntry::Checkpoint { time: rfc3339(&*self.clock) };
            written = self.write(&mut inner, &AuditLine::new(checkpoint).render());
        }
        let unlocked = rustix::fs::fcntl_lock(&inner.file, rustix::fs::FlockOperation::Unlock);
        written?;
        unlocked.map_err(|errno| failed(errno.into()))?;
        Ok(lost)
    }
}

impl Inner {
    /// Appends a line with one call. What was written in part is ended by a newline before the next one.
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let mut owned;
        let mut bytes = line;
        if self.torn {
            owned = Vec::with_capacity(line.len() + 1);
            owned.push(b'\n');
            owned.extend_from_slice(line);
            bytes = &owned;
        }
        #[cfg(test)]
        if let Some(room) = &mut self.room {
            let fits = bytes.len().min(*room);
            *room -= fits;
            if fits < bytes.len() {
                self.file.write_all(&bytes[..fits])?;
                self.torn |= fits > 0;
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        let written = loop {
            match self.file.write(bytes) {
                Ok(written) => break written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        };
        self.unsynced |= written > 0;
        self.length = self.length.saturating_add(written as u64);
        if written < bytes.len() {
            // The rest is not sent after it: another process may have written in between.
            self.torn |= written > 0;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.torn = false;
        Ok(())
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        // Whoever wants to hear of a failure calls `flush` before. A run whose end is not written shows as lost at the next opening.
        let mut inner = self.lock();
        if !inner.waiting.is_empty() {
            let _ = self.write(&mut inner, &[]);
        }
        if self.fsync != Fsync::Never {
            let _ = self.sync(&mut inner);
        }
    }
}

/// Tells whoever listens that the log is in trouble.
fn tell(error: &AuditError) {
    crate::metrics::audit_failed();
    let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    tracing::error!(target: crate::watch::AUDIT, %error, source, "the audit log cannot be written");
}

/// Opens a log for appending and gives its device and inode.
fn open(path: &Path) -> Result<(File, (u64, u64)), AuditError> {
    let failed = |source| AuditError::Open { path: path.to_owned(), source };
    // Without waiting: a pipe or a device in its place must not hold us up.
    let flags = OFlags::RDWR
        | OFlags::APPEND
        | OFlags::CREATE
        | OFlags::CLOEXEC
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK
        | OFlags::NOCTTY;
    let file = match rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::LOOP | rustix::io::Errno::ISDIR) => {
            return Err(AuditError::NotAFile { path: path.to_owned() });
        }
        Err(errno) => return Err(failed(errno.into())),
    };
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(AuditError::NotAFile { path: path.to_owned() });
    }
    Ok((file, (metadata.dev(), metadata.ino())))
}

/// Whether the last line of a file has no end.
fn ends_within_a_line(file: &File) -> io::Result<bool> {
    let length = file.metadata()?.len();
    let mut last = [b'\n'];
    if length > 0 {
        file.read_exact_at(&mut last, length - 1)?;
    }
    Ok(last != *b"\n")
}

#[cfg(test)]
mod tests;
