//! Walking directory trees that a guest may have shaped: no link is followed, no depth and no mode stops the walk.

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RawMode, Stat};

/// Something that a walk came by.
pub(crate) struct Entry<'a> {
    /// Its path below the root.
    pub(crate) path: &'a Path,
    /// What it is, links not followed.
    pub(crate) stat: &'a Stat,
    /// The directory that holds it.
    pub(crate) dir: BorrowedFd<'a>,
    /// Its name there.
    pub(crate) name: &'a CStr,
}

impl Entry<'_> {
    /// The type of the file.
    pub(crate) fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode as RawMode)
    }
}

/// How a walk goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Into the entry, if it is a directory.
    Into,
    /// Past it.
    Past,
    /// Not at all.
    Stop,
}

struct Level {
    name: CString,
    names: Vec<CString>,
    id: (u64, u64),
}

/// Walks a tree in the order of names. One descriptor is held whatever the depth; other mounts are not entered. With `force`, the modes
/// of directories that cannot be read are changed, which is right only where nothing runs any more.
///
/// # Errors
///
/// If the system does not let us, or if somebody moves directories while we walk.
pub(crate) fn walk(
    root: BorrowedFd<'_>,
    force: bool,
    enter: &mut dyn FnMut(&Entry<'_>) -> Next,
    leave: &mut dyn FnMut(BorrowedFd<'_>, &CStr),
) -> io::Result<()> {
    let mut here = rustix::fs::openat(root, c".", OPEN, Mode::empty())?;
    let device = id(&here)?.0;
    let mut path = PathBuf::new();
    let mut levels = vec![Level { name: CString::default(), names: names(&here)?, id: id(&here)? }];
    while let Some(level) = levels.last_mut() {
        let Some(name) = level.names.pop() else {
            let done = levels.pop().expect("the loop saw it");
            let Some(parent) = levels.last() else { break };
            let up = rustix::fs::openat(&here, c"..", OPEN, Mode::empty())?;
            if id(&up)? != parent.id {
                return Err(io::Error::other("a directory was moved during a walk"));
            }
            here = up;
            path.pop();
            leave(here.as_fd(), &done.name);
            continue;
        };
        let Ok(stat) = rustix::fs::statat(&here, &name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        path.push(OsStr::from_bytes(name.to_bytes()));
        let entry = Entry { path: &path, stat: &stat, dir: here.as_fd(), name: &name };
        let next = enter(&entry);
        let into = next == Next::Into && entry.kind() == FileType::Directory && stat.st_dev == device;
        if next == Next::Stop {
            return Ok(());
        }
        if into && let Some(inner) = open(&here, &name, force) {
            let level = Level { name, names: names(&inner).unwrap_or_default(), id: id(&inner)? };
            here = inner;
            levels.push(level);
        } else {
            path.pop();
        }
    }
    Ok(())
}

const OPEN: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

fn open(here: &OwnedFd, name: &CStr, force: bool) -> Option<OwnedFd> {
    let first = rustix::fs::openat(here, name, OPEN, Mode::empty());
    if force && !matches!(&first, Ok(inner) if Dir::read_from(inner).is_ok()) {
        rustix::fs::chmodat(here, name, Mode::RWXU, AtFlags::empty()).ok()?;
        return rustix::fs::openat(here, name, OPEN, Mode::empty()).ok();
    }
    first.ok()
}

fn id(dir: &OwnedFd) -> io::Result<(u64, u64)> {
    let stat = rustix::fs::fstat(dir)?;
    Ok((stat.st_dev, stat.st_ino))
}

/// The names in a directory, last first.
fn names(dir: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let name = entry?.file_name().to_owned();
        if name.as_c_str() != c"." && name.as_c_str() != c".." {
            names.push(name);
        }
    }
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names)
}

/// Removes a directory and everything in it, whatever its modes and depth.
///
/// # Errors
///
/// If something is left.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let meta = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    if !meta.is_dir() {
        return std::fs::remove_file(path);
    }
    let flags = Mode::RWXU;
    let root = rustix::fs::open(path, OPEN, Mode::empty()).or_else(|_| {
        rustix::fs::chmod(path, flags)?;
        rustix::fs::open(path, OPEN, Mode::empty())
    })?;
    let _ = rustix::fs::fchmod(&root, flags);
    let mut enter = |entry: &Entry<'_>| {
        if entry.kind() == FileType::Directory {
            // Removing what is inside needs more than reading it.
            let _ = rustix::fs::chmodat(entry.dir, entry.name, Mode::RWXU, AtFlags::empty());
            return Next::Into;
        }
        let _ = rustix::fs::unlinkat(entry.dir, entry.name, AtFlags::empty());
        Next::Past
    };
    let mut leave = |dir: BorrowedFd<'_>, name: &CStr| {
        let _ = rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR);
    };
    walk(root.as_fd(), true, &mut enter, &mut leave)?;
    std::fs::remove_dir(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_tree_of_closed_and_deep_directories_is_removed() {
        let base = tempfile::tempdir().unwrap();
        let top = base.path().join("top");
        std::fs::create_dir(&top).unwrap();
        let mut here = rustix::fs::open(&top, OPEN, Mode::empty()).unwrap();
        let name = CString::new("d".repeat(200)).unwrap();
        for _ in 0..100 {
            // 20 000 bytes of path: no absolute name reaches the end.
            rustix::fs::mkdirat(&here, &name, Mode::RWXU).unwrap();
            here = rustix::fs::openat(&here, &name, OPEN, Mode::empty()).unwrap();
        }
        std::fs::create_dir(top.join("closed")).unwrap();
        std::fs::write(top.join("closed/file"), "x").unwrap();
        std::os::unix::fs::symlink("/", top.join("closed/link")).unwrap();
        std::fs::set_permissions(top.join("closed"), std::fs::Permissions::from_mode(0o000)).unwrap();
        remove(&top).unwrap();
        assert!(!top.exists());
        assert!(Path::new("/").exists());
    }

    #[test]
    fn a_walk_names_everything_and_follows_no_link() {
        let base = tempfile::tempdir().unwrap();
        std::fs::create_dir(base.path().join("a")).unwrap();
        std::fs::write(base.path().join("a/b"), "x").unwrap();
        std::os::unix::fs::symlink("a", base.path().join("link")).unwrap();
        let root = rustix::fs::open(base.path(), OPEN, Mode::empty()).unwrap();
        let mut seen = Vec::new();
        let mut enter = |entry: &Entry<'_>| {
            seen.push(entry.path.to_str().unwrap().to_owned());
            Next::Into
        };
        walk(root.as_fd(), false, &mut enter, &mut |_, _| {}).unwrap();
        assert_eq!(seen, ["a", "a/b", "link"]);
    }
}
