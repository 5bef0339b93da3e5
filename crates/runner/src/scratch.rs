//! The directory of all runs: private, locked while it is used, removed at the end; what a killed run left behind is removed by the next.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::canary::random_hex;
use crate::measure::TMPFS_MAGIC;
use crate::tree;

/// A directory for the runs of one process.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    lock: PathBuf,
    _held: File,
    next: AtomicU64,
}

/// A directory for runs cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScratchError {
    /// The system refused.
    #[error("cannot use `{}`", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// Somebody else made the directory, or left it open to others.
    #[error("`{}` is not a private directory of ours", path.display())]
    NotOurs {
        /// Which one.
        path: PathBuf,
    },
}

/// A memory file system that every Linux has.
const SHARED_MEMORY: &str = "/dev/shm";

/// Where the worlds of trials are built: `TMPDIR` if it is set; else shared memory, if there is room in it; else the system's directory
/// for temporary files.
///
/// A run makes and removes some fifty files. On ext4 an inode that was just removed is passed over for a minute, so that a corpus of
/// two thousand runs spends a fifth of its time looking for free ones (`perf record gauntlet run`, 2026-11-21).
pub(crate) fn base() -> PathBuf {
    let shared = Path::new(SHARED_MEMORY);
    // What a killed run left there is memory that nobody else gives back, wherever this run goes.
    if let Ok(true) = is_ours(&home(shared)) {
        sweep(&home(shared));
    }
    if std::env::var_os("TMPDIR").is_none() && has_room(shared) { shared.into() } else { std::env::temp_dir() }
}

/// Whether a directory is on a memory file system with room for what live controls write, many times over.
fn has_room(directory: &Path) -> bool {
    const ROOM: u64 = 2 << 30;
    const INODES: u64 = 100_000;
    rustix::fs::statfs(directory).is_ok_and(|system| {
        let free = system.f_bavail.saturating_mul(u64::try_from(system.f_bsize).unwrap_or(0));
        // No bound on inodes is written as zero.
        let inodes = system.f_files == 0 || system.f_ffree >= INODES;
        system.f_type == TMPFS_MAGIC && free >= ROOM && inodes
    })
}

/// The folder of this user's runs.
fn home(base: &Path) -> PathBuf {
    base.join(format!("gauntlet-{}", rustix::process::geteuid().as_raw()))
}

/// Whether a folder is a private one of this user's.
fn is_ours(home: &Path) -> io::Result<bool> {
    let meta = fs::symlink_metadata(home)?;
    Ok(meta.is_dir() && meta.uid() == rustix::process::geteuid().as_raw() && meta.mode() & 0o077 == 0)
}

impl Scratch {
    /// Makes a fresh directory under `base`, which is usually the system's directory for temporary files, and removes what runs that
    /// were killed have left there.
    ///
    /// # Errors
    ///
    /// If the directory cannot be made, or if its parent belongs to somebody else.
    pub fn open(base: &Path) -> Result<Self, ScratchError> {
        let home = home(base);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| ScratchError::Io { path, source }
        };
        match DirBuilder::new().mode(0o700).create(&home) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(&home)(error)),
            Ok(()) | Err(_) => {}
        }
        if !is_ours(&home).map_err(failed(&home))? {
            return Err(ScratchError::NotOurs { path: home });
        }
        sweep(&home);
        loop {
            let name = format!("run-{}", random_hex(8).map_err(failed(&home))?);
            let lock = home.join(format!("{name}.lock"));
            let held =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(&lock).map_err(failed(&lock))?;
            held.lock().map_err(failed(&lock))?;
            // Another process may have taken the file for a stale one before we held it.
            if !same_file(&held, &lock) {
                continue;
            }
            let path = home.join(name);
            DirBuilder::new().mode(0o700).create(&path).map_err(failed(&path))?;
            return Ok(Self { path, lock, _held: held, next: AtomicU64::new(0) });
        }
    }

    /// A new private directory for one run.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn directory(&self) -> io::Result<PathBuf> {
        let path = self.path.join(format!("t-{}", self.next.fetch_add(1, Ordering::Relaxed)));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The lock goes last: until then nobody takes what is left for stale and meets us at it.
        if tree::remove(&self.path).is_ok() {
            let _ = fs::remove_file(&self.lock);
        }
    }
}

/// Removes the directories of runs that nobody holds the lock of.
fn sweep(home: &Path) {
    let names =
        fs::read_dir(home).into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let runs: Vec<String> = names.filter(|name| name.starts_with("run-")).collect();
    for name in &runs {
        let Some(run) = name.strip_suffix(".lock") else {
            // A directory is made after its lock and removed before it.
            if !home.join(format!("{name}.lock")).exists() {
                let _ = tree::remove(&home.join(name));
            }
            continue;
        };
        let lock = home.join(name);
        let Ok(file) = OpenOptions::new().write(true).custom_flags(NOFOLLOW).open(&lock) else { continue };
        match file.try_lock() {
            Ok(()) if same_file(&file, &lock) => {
                if tree::remove(&home.join(run)).is_ok() {
                    let _ = fs::remove_file(&lock);
                }
            }
            Ok(()) | Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
        }
    }
}

/// `O_NOFOLLOW` as the standard library takes it.
const NOFOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();

fn same_file(file: &File, path: &Path) -> bool {
    let Ok((open, there)) = file.metadata().and_then(|open| Ok((open, fs::symlink_metadata(path)?))) else {
        return false;
    };
    (open.dev(), open.ino()) == (there.dev(), there.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_at_the_end() {
        let base = tempfile::tempdir().unwrap();
        let scratch = Scratch::open(base.path()).unwrap();
        fs::write(scratch.directory().unwrap().join("file"), "x").unwrap();
        assert_eq!(fs::metadata(scratch.path()).unwrap().mode() & 0o777, 0o700);
        let home = scratch.path().parent().unwrap().to_owned();
        drop(scratch);
        assert_eq!(fs::read_dir(home).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_run_left_is_removed_and_what_is_in_use_is_not() {
        let base = tempfile::tempdir().unwrap();
        let used = Scratch::open(base.path()).unwrap();
        let home = used.path().parent().unwrap().to_owned();
        fs::create_dir_all(home.join("run-dead/t-0/deep")).unwrap();
        fs::write(home.join("run-dead.lock"), "").unwrap();
        fs::create_dir(home.join("run-orphan")).unwrap();
        std::os::unix::fs::symlink(base.path(), home.join("run-link")).unwrap();
        let second = Scratch::open(base.path()).unwrap();
        for gone in ["run-dead", "run-dead.lock", "run-orphan", "run-link"] {
            assert!(fs::symlink_metadata(home.join(gone)).is_err(), "{gone}");
        }
        assert!(used.path().exists() && second.path().exists() && base.path().exists());
    }

    #[test]
    fn what_is_no_memory_file_system_is_not_taken_for_one() {
        assert!(!has_room(Path::new("/proc")));
        assert!(!has_room(Path::new("/no-such-directory")));
    }

    #[test]
    fn a_directory_that_others_can_enter_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let home = home(base.path());
        DirBuilder::new().mode(0o755).create(&home).unwrap();
        assert!(matches!(Scratch::open(base.path()), Err(ScratchError::NotOurs { .. })));
        fs::remove_dir(&home).unwrap();
        std::os::unix::fs::symlink("/", &home).unwrap();
        assert!(matches!(Scratch::open(base.path()), Err(ScratchError::NotOurs { .. })));
    }
}
