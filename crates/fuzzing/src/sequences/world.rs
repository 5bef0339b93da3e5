//! The folders that sequences run in: two that are granted, and what lies around them, watched from outside.
//!
//! ```text
//! BASE/canary
//! BASE/w/canary
//! BASE/w/outside/secret
//! BASE/w/ro/{r,d/h}      granted for reading
//! BASE/w/rw/{f,d/g,s}    granted for reading and writing; `s` is a link to `d`
//! ```
//!
//! Every file and folder that the guest must not change is held open, so that one `fstat` each tells whether it was: the time of its last
//! change is the system's to set, and no guest can set it back.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use tempfile::TempDir;

/// Names in the folder that is granted for reading and writing; `f` is a file, `d` a directory, `l` a link.
pub(super) const WRITABLE_NAMES: &[(&str, u8)] = &[("f", b'f'), ("d", b'd'), ("d/g", b'f'), ("s", b'l'), ("p", b'f')];
/// Names in the folder that is granted for reading.
pub(super) const READ_ONLY_NAMES: &[(&str, u8)] = &[("r", b'f'), ("d", b'd'), ("d/h", b'f')];

/// The folders, and what is known of those that must not change.
#[derive(Debug)]
pub(super) struct World {
    _base: TempDir,
    /// The folder granted for reading and writing.
    pub(super) writable: PathBuf,
    /// The folder granted for reading.
    pub(super) read_only: PathBuf,
    /// What stands in the files outside, and nowhere else.
    pub(super) canary: String,
    held: Vec<Held>,
    /// The writable folder, held open.
    folder: OwnedFd,
    /// Which folders were granted: device and number of the writable one and of the other.
    granted: [(u64, u64); 2],
    /// Whether there is a FIFO in the writable folder.
    fifo: bool,
}

/// A file or folder that must not change.
#[derive(Debug)]
struct Held {
    name: &'static str,
    file: File,
    seen: Seen,
    content: Vec<u8>,
}

/// What `fstat` says of a file: mode, links, owner, size, and the times of its last changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen([i128; 8]);

impl Seen {
    fn of(file: impl AsFd) -> io::Result<Self> {
        let stat = rustix::fs::fstat(file)?;
        Ok(Self([
            stat.st_mode.into(),
            stat.st_nlink.into(),
            stat.st_uid.into(),
            stat.st_size.into(),
            stat.st_mtime.into(),
            stat.st_mtime_nsec.into(),
            stat.st_ctime.into(),
            stat.st_ctime_nsec.into(),
        ]))
    }

    fn against(self, before: Self) -> String {
        let names = ["mode", "links", "owner", "size", "mtime", "mtime", "ctime", "ctime"];
        let different = names.iter().zip(self.0.iter().zip(before.0)).filter(|(_, (now, before))| **now != *before);
        let mut words: Vec<&str> = different.map(|(name, _)| *name).collect();
        words.dedup();
        words.join(", ")
    }
}

/// What the writable folder held when it was swept.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Swept {
    /// Names in it, at every depth.
    pub(super) names: u64,
    /// Apparent bytes of its files.
    pub(super) bytes: u64,
    /// Apparent bytes of the largest.
    pub(super) largest: u64,
}

/// Names that the writable folder begins with.
pub(super) const FIRST_NAMES: u64 = 4;

impl World {
    /// Makes the folders, in memory where the system has such a place. `canary` stands in every file outside.
    pub(super) fn new(canary: &str, fifo: bool) -> io::Result<Self> {
        let memory = Path::new("/dev/shm");
        let base = match tempfile::Builder::new().prefix("gauntlet-sequences").tempdir_in(memory) {
            Ok(base) => base,
            Err(_) => tempfile::Builder::new().prefix("gauntlet-sequences").tempdir()?,
        };
        let root = base.path().canonicalize()?;
        let world = root.join("w");
        for folder in ["w", "w/rw", "w/ro", "w/ro/d", "w/outside"] {
            fs::create_dir(root.join(folder))?;
        }
        let text = format!("gauntlet-canary-{canary}\n");
        for file in ["canary", "w/canary", "w/outside/secret"] {
            fs::write(root.join(file), &text)?;
        }
        // What may be read, and must not be written.
        fs::write(root.join("w/ro/r"), "to be read and not to be written\n")?;
        fs::write(root.join("w/ro/d/h"), "neither is this\n")?;
        symlink("d", root.join("w/ro/s"))?;
        let names =
            ["", "canary", "w", "w/canary", "w/outside", "w/outside/secret", "w/ro", "w/ro/r", "w/ro/d", "w/ro/d/h"];
        let held = names.into_iter().map(|name| Held::new(&root, name)).collect::<io::Result<_>>()?;
        let (writable, read_only) = (world.join("rw"), world.join("ro"));
        let own = Self {
            _base: base,
            granted: [&writable, &read_only].map(|path| identity(path)),
            writable,
            read_only,
            canary: canary.to_owned(),
            held,
            folder: open_folder(CWD, &world.join("rw"))?,
            fifo,
        };
        own.furnish()?;
        Ok(own)
    }

    /// What has changed outside of the writable folder: each with the oracle that is about it.
    pub(super) fn changed(&self) -> Vec<(&'static str, String)> {
        let mut changed = Vec::new();
        // A guest that moves its own grant changes the folders that it stands in. That is not a way out of it.
        let moved = [&self.writable, &self.read_only].map(|path| identity(path)) != self.granted;
        if moved {
            changed.push(("grant-moved", "a granted folder is gone from its place".to_owned()));
        }
        for held in &self.held {
            if moved && ["w", "w/ro"].contains(&held.name) {
                continue;
            }
            let what = match Seen::of(&held.file) {
                Ok(now) if now == held.seen => match held.same_content() {
                    true => continue,
                    false => "content".to_owned(),
                },
                Ok(now) => now.against(held.seen),
                Err(error) => error.to_string(),
            };
            let name = if held.name.is_empty() { "." } else { held.name };
            let oracle = if name.starts_with("w/ro") { "read-only-changed" } else { "outside-changed" };
            changed.push((oracle, format!("{name}: {what}")));
        }
        changed
    }

    /// Makes the writable folder what it was at first, and says what it held.
    pub(super) fn sweep(&self) -> io::Result<Swept> {
        let mut swept = Swept::default();
        sweep(&self.folder, &mut swept)?;
        self.furnish()?;
        Ok(swept)
    }

    fn furnish(&self) -> io::Result<()> {
        let folder = &self.folder;
        let create = |name: &str, text: &[u8]| -> io::Result<()> {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
            let file = rustix::fs::openat(folder, name, flags, Mode::from_raw_mode(0o644))?;
            File::from(file).write_all(text)
        };
        create("f", b"a file that may be written\n")?;
        rustix::fs::mkdirat(folder, "d", Mode::from_raw_mode(0o755))?;
        create("d/g", b"another\n")?;
        rustix::fs::symlinkat("d", folder, "s")?;
        if self.fifo {
            rustix::fs::mknodat(folder, "p", FileType::Fifo, Mode::from_raw_mode(0o644), 0)?;
        }
        Ok(())
    }
}

impl Held {
    fn new(root: &Path, name: &'static str) -> io::Result<Self> {
        let path = root.join(name);
        let file = File::open(&path)?;
        let content = if file.metadata()?.is_dir() { Vec::new() } else { fs::read(&path)? };
        Ok(Self { name, seen: Seen::of(&file)?, file, content })
    }

    fn same_content(&self) -> bool {
        let mut now = [0; 128];
        let Some(now) = now.get_mut(..self.content.len()) else { return false };
        // A folder has none.
        self.content.is_empty() || self.file.read_exact_at(now, 0).is_ok() && *now == *self.content
    }
}

/// Device and number of what stands under a path; zeros if there is nothing.
fn identity(path: &Path) -> (u64, u64) {
    fs::symlink_metadata(path).map_or((0, 0), |found| (found.dev(), found.ino()))
}

fn open_folder(beneath: impl AsFd, name: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(beneath, name, flags, Mode::empty())?)
}

/// Removes all that is in a folder.
fn sweep(folder: &OwnedFd, swept: &mut Swept) -> io::Result<()> {
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        swept.names += 1;
        if entry.file_type() == FileType::Directory {
            let inner = open_folder(folder, Path::new(OsStr::from_bytes(name.to_bytes())))?;
            sweep(&inner, swept)?;
            rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR)?;
            continue;
        }
        if entry.file_type() == FileType::RegularFile {
            let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
            let size = u64::try_from(stat.st_size).unwrap_or(0);
            // A file of several names is counted with the last of them.
            if stat.st_nlink == 1 {
                swept.bytes = swept.bytes.saturating_add(size);
            }
            swept.largest = swept.largest.max(size);
        }
        rustix::fs::unlinkat(folder, name, AtFlags::empty())?;
    }
    Ok(())
}

/// An open descriptor of this process that leads to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Open {
    /// Where it leads.
    pub(super) path: PathBuf,
    /// Whether it can be written through.
    pub(super) writable: bool,
    /// Whether it is a FIFO.
    pub(super) fifo: bool,
    number: u32,
}

/// The descriptors of this process, and those that were there before any guest was.
#[derive(Debug)]
pub(super) struct Descriptors {
    folder: OwnedFd,
    list: Dir,
    known: Vec<u32>,
    /// How many there were.
    count: i128,
}

impl Descriptors {
    /// Nothing is known yet.
    pub(super) fn new() -> io::Result<Self> {
        let folder = open_folder(CWD, Path::new("/proc/self/fd"))?;
        Ok(Self { list: Dir::read_from(&folder)?, folder, known: Vec::new(), count: 0 })
    }

    /// Takes all that are open now for known: whoever opened them keeps them for as long as there are sequences.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        self.known = self.numbers()?;
        self.count = self.count()?;
        Ok(())
    }

    /// How many there are, which Linux from 6.2 on gives as the size of their folder; 0 on an older one.
    fn count(&self) -> io::Result<i128> {
        Ok(rustix::fs::fstat(&self.folder)?.st_size.into())
    }

    /// Whether there are as many as when they were settled, if the kernel says.
    pub(super) fn are_back(&self) -> bool {
        self.count > 0 && self.count().is_ok_and(|count| count == self.count)
    }

    /// Takes one more for known.
    pub(super) fn know(&mut self, open: &Open) {
        self.known.push(open.number);
    }

    fn numbers(&mut self) -> io::Result<Vec<u32>> {
        let mut numbers = Vec::with_capacity(self.known.len() + 8);
        self.list.rewind();
        while let Some(entry) = self.list.read() {
            numbers.extend(entry?.file_name().to_str().ok().and_then(|name| name.parse::<u32>().ok()));
        }
        Ok(numbers)
    }

    /// Those that lead to files and are not known.
    pub(super) fn open(&mut self) -> io::Result<Vec<Open>> {
        let mut open = Vec::new();
        for number in self.numbers()? {
            if self.known.contains(&number) {
                continue;
            }
            let name = number.to_string();
            // One that was shut in between is another thread's.
            let Ok(path) = rustix::fs::readlinkat(&self.folder, name.as_str(), Vec::new()) else { continue };
            let path = path.into_bytes();
            if path.first() != Some(&b'/') || path.starts_with(b"/proc/") {
                continue;
            }
            let link = rustix::fs::statat(&self.folder, name.as_str(), AtFlags::SYMLINK_NOFOLLOW);
            let file = rustix::fs::statat(&self.folder, name.as_str(), AtFlags::empty());
            open.push(Open {
                path: PathBuf::from(OsStr::from_bytes(&path)),
                // The mode of the link tells how the file was opened.
                writable: link.is_ok_and(|link| link.st_mode & 0o200 != 0),
                fifo: file.is_ok_and(|file| FileType::from_raw_mode(file.st_mode) == FileType::Fifo),
                number,
            });
        }
        Ok(open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_changed_outside_is_seen_and_what_is_made_inside_is_swept() {
        let world = World::new("0123", false).unwrap();
        assert_eq!(world.changed(), []);
        fs::write(world.writable.join("f"), "longer than it was, by far").unwrap();
        fs::create_dir_all(world.writable.join("x/y")).unwrap();
        fs::write(world.writable.join("x/y/z"), [0; 100]).unwrap();
        let swept = world.sweep().unwrap();
        assert_eq!(swept, Swept { names: FIRST_NAMES + 3, bytes: 26 + 8 + 100, largest: 100 });
        assert_eq!(world.sweep().unwrap().names, FIRST_NAMES);
        assert_eq!(world.changed(), []);
        fs::hard_link(world.read_only.join("r"), world.writable.join("r")).unwrap();
        assert_eq!(world.changed(), [("read-only-changed", "w/ro/r: links, ctime".to_owned())]);
        fs::write(world.writable.join("../outside/new"), "").unwrap();
        assert!(world.changed().iter().any(|(id, text)| *id == "outside-changed" && text.starts_with("w/outside: ")));
    }

    #[test]
    fn a_grant_that_is_moved_is_no_way_out_of_it() {
        let world = World::new("89ab", false).unwrap();
        fs::rename(&world.read_only, world.writable.join("n0")).unwrap();
        assert_eq!(world.changed(), [("grant-moved", "a granted folder is gone from its place".to_owned())]);
        fs::write(world.writable.join("../canary"), "another").unwrap();
        assert!(world.changed().iter().any(|(id, text)| *id == "outside-changed" && text.starts_with("w/canary: ")));
    }

    #[test]
    fn a_descriptor_is_seen_with_its_path_and_how_it_was_opened() {
        let world = World::new("4567", false).unwrap();
        let path = world.writable.join("f");
        let file = File::options().write(true).open(&path).unwrap();
        let mut descriptors = Descriptors::new().unwrap();
        let open = descriptors.open().unwrap();
        let own: Vec<_> = open.iter().filter(|open| open.path == path).collect();
        assert_eq!(own.len(), 1);
        assert!(own[0].writable);
        descriptors.settle().unwrap();
        assert!(!descriptors.open().unwrap().iter().any(|open| open.path == path));
        drop(file);
        let mut descriptors = Descriptors::new().unwrap();
        assert!(!descriptors.open().unwrap().iter().any(|open| open.path == path));
    }
}
