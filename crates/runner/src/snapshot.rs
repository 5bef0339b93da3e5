//! What a world looked like before a run, what of it changed, and how much was put under the grants.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use gauntlet_record::{GuestText, MAX_NAME_BYTES};
use rustix::fs::{FileType, Mode, OFlags};
use sha2::{Digest as _, Sha256};

use crate::canary::Canary;
use crate::tree::{self, Entry, Next};
use crate::world::{Place, Regions};

/// Most bytes of one file that are hashed.
const MAX_HASHED: u64 = 1 << 20;
/// Most bytes of all new files in which the canary is looked for, from their beginnings.
const MAX_SEARCHED: u64 = 64 << 20;
/// Bytes at the end of a larger file in which it is looked for.
const SEARCHED_LAST: u64 = 1 << 20;
/// Most changes that are named in a record.
const MAX_NAMED: usize = 16;
/// Most entries that one walk goes through: more than any live control makes.
const MAX_ENTRIES: u64 = 1_000_000;

/// Everything of a file that a guest could change, access time aside.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Facts {
    kind: u32,
    owner: (u32, u32),
    links: u128,
    size: u64,
    times: [(i128, i128); 2],
    /// SHA-256 of the content, or the target of a link.
    content: Vec<u8>,
}

/// A world at one time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    /// Everything outside the writable grants; the root itself is the empty path.
    facts: BTreeMap<PathBuf, Facts>,
    /// The entries under the writable grants with their modification times.
    granted: BTreeMap<PathBuf, (i128, i128)>,
    /// What lies under the writable grants.
    pub(crate) amount: Amount,
}

/// How much lies under the writable grants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    /// Entries.
    pub(crate) files: u64,
    /// Bytes of their blocks.
    pub(crate) disk: u64,
}

/// What a link may say in its inode, in bytes (`SHORT_SYMLINK_LEN` of the kernel's shmem).
const SHORT_LINK: i64 = 128;
/// A page, in bytes.
const PAGE: u64 = 4096;

impl Amount {
    pub(crate) fn less(self, before: Self) -> Self {
        Self { files: self.files.saturating_sub(before.files), disk: self.disk.saturating_sub(before.disk) }
    }
}

/// What was found after a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    /// `outside: path` and `read-only: path`.
    pub(crate) named: Vec<GuestText>,
    /// The canary stands in something that the guest wrote under its grants.
    pub(crate) canary: bool,
}

impl Snapshot {
    /// Looks at a world while nothing runs in it.
    pub(crate) fn take(root: &Path, regions: &Regions) -> io::Result<Self> {
        let top = open(root)?;
        let mut snapshot = Self::default();
        if regions.place(Path::new("")) != Place::Writable {
            let stat = rustix::fs::fstat(&top)?;
            snapshot.facts.insert(PathBuf::new(), Facts::of(&stat, Vec::new()));
        }
        let mut entries = 0;
        let mut linked = BTreeSet::new();
        let mut enter = |entry: &Entry<'_>| {
            entries += 1;
            if regions.place(entry.path) == Place::Writable {
                snapshot.granted.insert(entry.path.to_owned(), times(entry.stat)[0]);
                snapshot.amount.add(entry, &mut linked);
            } else {
                snapshot.facts.insert(entry.path.to_owned(), Facts::read(entry));
            }
            if entries < MAX_ENTRIES { Next::Into } else { Next::Stop }
        };
        tree::walk(top.as_fd(), true, &mut enter, &mut |_, _| {})?;
        Ok(snapshot)
    }

    /// What is different now, and whether the canary stands in something new under the grants.
    pub(crate) fn changes(&self, after: &Self, root: &Path, regions: &Regions, canary: &Canary) -> Changes {
        let mut changes = Changes::default();
        let paths: BTreeSet<&PathBuf> = self.facts.keys().chain(after.facts.keys()).collect();
        for path in paths {
            if self.facts.get(path) != after.facts.get(path) && changes.named.len() < MAX_NAMED {
                changes.named.push(named(regions.place(path), path));
            }
        }
        let new: BTreeSet<&Path> = after
            .granted
            .iter()
            .filter(|(path, time)| self.granted.get(*path) != Some(time))
            .map(|(path, _)| path.as_path())
            .collect();
        changes.canary = new.iter().any(|path| canary.in_bytes(path.as_os_str().as_bytes()));
        if !new.is_empty() && !changes.canary {
            let mut left = MAX_SEARCHED;
            // By descriptor: a path may be longer than the kernel takes.
            let mut enter = |entry: &Entry<'_>| {
                changes.canary |= new.contains(entry.path) && searched(entry, &mut left, canary);
                if changes.canary { Next::Stop } else { Next::Into }
            };
            // What cannot be walked was seen by `take`, which fails the trial then.
            if let Ok(top) = open(root) {
                let _ = tree::walk(top.as_fd(), true, &mut enter, &mut |_, _| {});
            }
        }
        changes
    }
}

/// A change for the record.
fn named(place: Place, path: &Path) -> GuestText {
    let word = match place {
        Place::ReadOnly => READ_ONLY,
        Place::Outside | Place::Writable => OUTSIDE,
    };
    let shown = if path.as_os_str().is_empty() { b".".as_slice() } else { path.as_os_str().as_bytes() };
    GuestText::new(&[word.as_bytes(), shown].concat(), MAX_NAME_BYTES)
}

/// How a change outside the grants begins in a record.
pub(crate) const OUTSIDE: &str = "outside: ";
/// How a change of a read-only grant begins in a record.
pub(crate) const READ_ONLY: &str = "read-only: ";

/// Counts what lies under the writable grants while a guest may still be at work there; `None` if it moves too fast to be walked.
pub(crate) fn amount(root: &Path, regions: &Regions) -> Option<Amount> {
    let mut amount = Amount::default();
    let mut linked = BTreeSet::new();
    let mut entries = 0;
    let mut enter = |entry: &Entry<'_>| {
        entries += 1;
        if regions.place(entry.path) == Place::Writable {
            amount.add(entry, &mut linked);
        }
        if entries < MAX_ENTRIES { Next::Into } else { Next::Stop }
    };
    tree::walk(open(root).ok()?.as_fd(), false, &mut enter, &mut |_, _| {}).ok()?;
    Some(amount)
}

impl Amount {
    /// Adds an entry; the blocks of a file with several names count once.
    fn add(&mut self, entry: &Entry<'_>, linked: &mut BTreeSet<u64>) {
        self.files += 1;
        if entry.stat.st_nlink < 2 || entry.kind() == FileType::Directory || linked.insert(entry.stat.st_ino) {
            let blocks = u64::try_from(entry.stat.st_blocks).unwrap_or(0) * 512;
            // A memory file system puts what a long link says into a page that it counts nowhere.
            let said = entry.kind() == FileType::Symlink && entry.stat.st_size > SHORT_LINK;
            self.disk += if said { blocks.max(PAGE) } else { blocks };
        }
    }
}

impl Facts {
    fn of(stat: &rustix::fs::Stat, content: Vec<u8>) -> Self {
        Self {
            kind: stat.st_mode,
            owner: (stat.st_uid, stat.st_gid),
            links: stat.st_nlink.into(),
            size: u64::try_from(stat.st_size).unwrap_or(0),
            times: times(stat),
            content,
        }
    }

    fn read(entry: &Entry<'_>) -> Self {
        let content = match entry.kind() {
            FileType::RegularFile => hash(entry).unwrap_or_default(),
            FileType::Symlink => rustix::fs::readlinkat(entry.dir, entry.name, Vec::new())
                .map(|target| target.into_bytes())
                .unwrap_or_default(),
            FileType::Directory
            | FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => Vec::new(),
        };
        Self::of(entry.stat, content)
    }
}

/// Times of change of content and of the rest, in seconds and nanoseconds. Architectures differ in the width of the fields.
fn times(stat: &rustix::fs::Stat) -> [(i128, i128); 2] {
    [(stat.st_mtime.into(), stat.st_mtime_nsec.into()), (stat.st_ctime.into(), stat.st_ctime_nsec.into())]
}

const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

fn hash(entry: &Entry<'_>) -> Option<Vec<u8>> {
    let file = File::from(rustix::fs::openat(entry.dir, entry.name, FILE, Mode::empty()).ok()?);
    let mut bytes = Vec::new();
    file.take(MAX_HASHED).read_to_end(&mut bytes).ok()?;
    Some(Sha256::digest(&bytes).to_vec())
}

/// Looks for the canary in a regular file or in the target of a link. Of a file that is larger than what may still be read, the last bytes
/// are searched, too.
fn searched(entry: &Entry<'_>, left: &mut u64, canary: &Canary) -> bool {
    match entry.kind() {
        FileType::Symlink => rustix::fs::readlinkat(entry.dir, entry.name, Vec::new())
            .is_ok_and(|target| canary.in_bytes(target.as_bytes())),
        FileType::RegularFile => {
            let Ok(file) = rustix::fs::openat(entry.dir, entry.name, FILE, Mode::empty()).map(File::from) else {
                return false;
            };
            let mut bytes = Vec::new();
            let _ = (&file).take(*left).read_to_end(&mut bytes);
            *left = left.saturating_sub(bytes.len() as u64);
            let mut last = Vec::new();
            let size = u64::try_from(entry.stat.st_size).unwrap_or(0);
            if size > bytes.len() as u64 && (&file).seek(SeekFrom::Start(size.saturating_sub(SEARCHED_LAST))).is_ok() {
                let _ = (&file).take(SEARCHED_LAST).read_to_end(&mut last);
            }
            canary.in_bytes(&bytes) || canary.in_bytes(&last)
        }
        FileType::Directory
        | FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => false,
    }
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::World;
    use gauntlet_policy::Policy;
    use std::fs;

    struct Bench {
        _dir: tempfile::TempDir,
        world: World,
        regions: Regions,
        before: Snapshot,
    }

    impl Bench {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let world = World::build(dir.path(), &"0f".repeat(16)).unwrap();
            let text = "version: 1\ngrants:\n  filesystem:\n    - { host: granted, guest: /x, access: read-write }\n    - { host: readonly, guest: /y, access: read-only }\n";
            let regions = Regions::new(&Policy::parse("t", text).unwrap().grants.filesystem, &[]);
            let before = Snapshot::take(&world.root, &regions).unwrap();
            Self { _dir: dir, world, regions, before }
        }

        fn changes(&self) -> (Vec<String>, bool, Amount) {
            let after = Snapshot::take(&self.world.root, &self.regions).unwrap();
            let changes = self.before.changes(&after, &self.world.root, &self.regions, &self.world.canary);
            (
                changes.named.iter().map(|text| text.as_str().to_owned()).collect(),
                changes.canary,
                after.amount.less(self.before.amount),
            )
        }

        fn path(&self, below: &str) -> PathBuf {
            self.world.root.join(below)
        }
    }

    #[test]
    fn reading_everything_changes_nothing() {
        let bench = Bench::new();
        fs::read(bench.path("outside/secret.txt")).unwrap();
        assert_eq!(bench.changes(), (vec![], false, Amount::default()));
    }

    #[test]
    fn a_write_under_the_grant_is_counted_and_no_change() {
        let bench = Bench::new();
        fs::write(bench.path("granted/a"), vec![1; 8192]).unwrap();
        fs::create_dir(bench.path("granted/sub/d")).unwrap();
        let (named, canary, amount) = bench.changes();
        assert_eq!((named, canary, amount.files), (vec![], false, 2));
        assert!(amount.disk >= 8192);
    }

    #[test]
    fn changes_outside_and_in_a_read_only_grant_are_told_apart() {
        let bench = Bench::new();
        fs::write(bench.path("outside/secret.txt"), "x").unwrap();
        fs::write(bench.path("readonly/input.txt"), "benign INPUT\n").unwrap();
        let (named, ..) = bench.changes();
        assert_eq!(named, ["outside: outside/secret.txt", "read-only: readonly/input.txt"]);
    }

    #[test]
    fn a_hard_link_from_outside_into_the_grant_is_a_change_and_a_leak() {
        let bench = Bench::new();
        fs::hard_link(bench.path("outside/secret.txt"), bench.path("granted/mine")).unwrap();
        let (named, canary, _) = bench.changes();
        assert_eq!(named, ["outside: outside/secret.txt"]);
        assert!(canary);
    }

    #[test]
    fn a_copied_canary_is_seen_in_content_and_in_names() {
        for reversed in [false, true] {
            let bench = Bench::new();
            let word = &bench.world.word;
            if reversed {
                fs::write(bench.path(&format!("granted/{word}")), "").unwrap();
            } else {
                fs::write(bench.path("granted/sub/copy"), format!("x{word}x")).unwrap();
            }
            assert!(bench.changes().1);
        }
    }

    #[test]
    fn a_canary_is_seen_however_deep_and_however_far_into_a_file() {
        let bench = Bench::new();
        let mut here = open(&bench.path("granted")).unwrap();
        let name = "d".repeat(255);
        for _ in 0..20 {
            rustix::fs::mkdirat(&here, &name, Mode::RWXU).unwrap();
            here = rustix::fs::openat(&here, &name, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
        }
        let flags = OFlags::WRONLY | OFlags::CREATE;
        let mut file = File::from(rustix::fs::openat(&here, "copy", flags, Mode::RWXU).unwrap());
        file.seek(SeekFrom::Start(MAX_SEARCHED + (10 << 20))).unwrap();
        std::io::Write::write_all(&mut file, bench.world.word.as_bytes()).unwrap();
        assert!(bench.changes().1);
        // The path is longer than the system removes at once.
        tree::remove(&bench.path("granted")).unwrap();
    }

    #[test]
    fn amounts_while_running_agree_with_those_after() {
        let bench = Bench::new();
        let before = amount(&bench.world.root, &bench.regions).unwrap();
        assert_eq!(before, bench.before.amount);
        fs::write(bench.path("granted/a"), vec![1; 8192]).unwrap();
        fs::hard_link(bench.path("granted/a"), bench.path("granted/b")).unwrap();
        assert_eq!(
            amount(&bench.world.root, &bench.regions).unwrap(),
            Snapshot::take(&bench.world.root, &bench.regions).unwrap().amount
        );
    }
}
