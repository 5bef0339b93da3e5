//! Compiled code, kept between runs where no guest can reach it.
//!
//! Code is made by a jailed worker that compiles and runs nothing, into a directory of its own; the parent moves it in place. A worker
//! that runs a guest sees, read-only, the code of that one guest and no other, linked into a directory of its own. Neither can change
//! what another guest will execute. What is kept is found by the guest's digest, the engine's version and every setting that shapes the
//! code; the engine checks all of that once more. Entries belong to a tenant unless sharing was asked for, because whether code is
//! already there can be told from the time that a run takes.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use gauntlet_policy::Policy;
use gauntlet_record::{LimitKey, digest};

use crate::{ENGINE_VERSION, Protections};

/// Guests smaller than this compile faster than their code loads, in bytes. Measured: 10 kB compile in 24 ms, 58 B in 0.5 ms.
pub(super) const WORTH_KEEPING: usize = 4 << 10;
/// Smallest size that an entry is counted with, in bytes: its directories take room, too.
const LEAST: u64 = 16 << 10;
/// What is kept, what is lent to workers that run, and what workers that compile are writing.
const CODE: &str = "code";
const SLOTS: &str = "slots";
const MAKING: &str = "making";

/// Where compiled code is kept.
#[derive(Debug)]
pub(super) struct Cache {
    directory: PathBuf,
    most: u64,
    shared: bool,
    next: AtomicU64,
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
}

/// A directory for one worker, gone when this is dropped.
#[derive(Debug)]
pub(super) struct Slot(PathBuf);

impl Slot {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Cache {
    /// Opens a cache of at most `most` bytes. The directory is made, for its owner alone; leftovers of processes that died are removed.
    pub(super) fn open(directory: PathBuf, most: u64, shared: bool) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o711).create(&directory)?;
        let directory = directory.canonicalize()?;
        // Workers find their own directory by its name, which nobody else can guess or list.
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o711))?;
        reachable(&directory)?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory.join(CODE))?;
        for kind in [SLOTS, MAKING] {
            let kind = directory.join(kind);
            fs::DirBuilder::new().recursive(true).mode(0o711).create(&kind)?;
            fs::set_permissions(&kind, fs::Permissions::from_mode(0o711))?;
            // Names begin with the process that made them.
            for entry in fs::read_dir(&kind)?.flatten() {
                let owner = entry.file_name().to_str().and_then(|name| name.split('-').next()?.parse::<u32>().ok());
                if owner.is_none_or(|owner| !Path::new("/proc").join(owner.to_string()).exists()) {
                    let _ = fs::remove_dir_all(entry.path());
                }
            }
        }
        Ok(Self {
            directory,
            most,
            shared,
            next: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        })
    }

    fn fresh(&self, kind: &str) -> io::Result<Slot> {
        let mut secret = [0; 16];
        rustix::rand::getrandom(&mut secret, rustix::rand::GetRandomFlags::empty())?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}-{}", std::process::id(), digest(&secret));
        let path = self.directory.join(kind).join(name);
        fs::DirBuilder::new().mode(0o755).create(&path)?;
        Ok(Slot(path))
    }

    /// An empty directory for a worker that will run a guest.
    pub(super) fn slot(&self) -> io::Result<Slot> {
        self.fresh(SLOTS)
    }

    /// An empty directory for a worker that compiles, which runs as `owner`.
    pub(super) fn making(&self, owner: Option<(u32, u32)>) -> io::Result<Slot> {
        let making = self.fresh(MAKING)?;
        if let Some((user, group)) = owner {
            std::os::unix::fs::chown(making.path(), Some(user), Some(group))?;
        }
        Ok(making)
    }

    /// The name of a guest's code.
    pub(super) fn name(&self, tenant: &str, guest: &str, policy: &Policy, protections: &Protections) -> PathBuf {
        let named = gauntlet_policy::Feature::ALL.iter().filter(|feature| policy.features.allows(**feature));
        let features: Vec<&str> = named.map(|feature| feature.as_str()).collect();
        let settings = format!(
            "{ENGINE_VERSION} {features:?} {:?} {:?} {:?} {:?} {}",
            // Of the limits only those that the code depends on: a run with a tighter deadline finds what the run before it compiled.
            protections.lifted_ids(),
            protections.limit(LimitKey::Fuel).is_some(),
            protections.limit(LimitKey::Stack),
            protections.limit(LimitKey::CallDepth),
            policy.deterministic.value,
        );
        let owner = if self.shared { "shared".to_owned() } else { digest(tenant.as_bytes()) };
        self.directory.join(CODE).join(owner).join(format!("{guest}-{}", &digest(settings.as_bytes())[..16]))
    }

    /// Puts a guest's code into a slot; `false` if there is none.
    pub(super) fn lend(&self, name: &Path, slot: &Slot) -> bool {
        let lent = link_all(name, slot.path()).unwrap_or(false);
        if lent {
            self.hits.fetch_add(1, Ordering::Relaxed);
            // The oldest by this time go first.
            let _ = File::open(name).and_then(|entry| entry.set_modified(SystemTime::now()));
        } else {
            self.misses.fetch_add(1, Ordering::Relaxed);
        }
        lent
    }

    /// Puts code that was just made into a slot, without counting it.
    pub(super) fn lend_quietly(&self, name: &Path, slot: &Slot) -> io::Result<bool> {
        link_all(name, slot.path())
    }

    /// Keeps what a worker has compiled.
    pub(super) fn keep(&self, making: &Slot, name: &Path) -> io::Result<()> {
        if let Some(parent) = name.parent() {
            fs::create_dir_all(parent)?;
        }
        // Only code is kept: a plain file each, readable and not to be changed.
        seal(making.path())?;
        if size(making.path()) == 0 {
            // The engine had no room to write it.
            return Ok(());
        }
        match fs::rename(making.path(), name) {
            // Somebody else was faster with the same code.
            Err(_) if name.is_dir() => {}
            renamed => renamed?,
        }
        self.shrink(name);
        Ok(())
    }

    /// Forgets a guest's code, whoever it belongs to.
    pub(super) fn forget(&self, guest: &str) {
        for entry in self.entries() {
            if entry.2.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(guest)) {
                let _ = fs::remove_dir_all(&entry.2);
            }
        }
    }

    /// Every entry: when it was last used, its size, its place.
    fn entries(&self) -> Vec<(SystemTime, u64, PathBuf)> {
        let listed = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
        listed(&self.directory.join(CODE))
            .flat_map(|owner| listed(&owner).collect::<Vec<_>>())
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, size(&entry).max(LEAST), entry)))
            .collect()
    }

    /// Removes the entries that were not used for longest, until the rest fits; never `but`.
    fn shrink(&self, but: &Path) {
        let mut entries = self.entries();
        entries.sort();
        let mut total: u64 = entries.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in entries.into_iter().filter(|(.., path)| path != but) {
            if total <= self.most {
                break;
            }
            if fs::remove_dir_all(&path).is_ok() {
                total -= size;
            }
        }
    }
}

/// Workers of a caller that is root run as somebody else, who has to get here.
fn reachable(directory: &Path) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let closed = directory
        .ancestors()
        .find(|parent| parent.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o001 == 0));
    match closed {
        None => Ok(()),
        Some(closed) => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!(
                "workers do not run as root and cannot pass `{}`: choose another place, such as /var/cache/gauntlet",
                closed.display()
            ),
        )),
    }
}

fn size(path: &Path) -> u64 {
    let Ok(metadata) = path.symlink_metadata() else { return 0 };
    if !metadata.is_dir() {
        return metadata.len();
    }
    fs::read_dir(path).into_iter().flatten().flatten().map(|entry| size(&entry.path())).sum()
}

/// Links the plain files beneath one directory into another; says whether there were any.
fn link_all(from: &Path, to: &Path) -> io::Result<bool> {
    let mut any = false;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&place)?;
            any |= link_all(&entry.path(), &place)?;
        } else {
            fs::hard_link(entry.path(), &place)?;
            any = true;
        }
    }
    Ok(any)
}

/// Makes what a worker left behind ours and unchangeable; what is neither directory nor plain file, and what the engine's cache wrote for
/// its own books, is removed.
fn seal(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            seal(&path)?;
        } else if kind.is_file() && path.extension().is_none() {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o444))?;
            own(&path)?;
        } else {
            fs::remove_file(&path)?;
        }
    }
    own(directory)?;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755))
}

fn own(path: &Path) -> io::Result<()> {
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    std::os::unix::fs::lchown(path, Some(user), Some(group))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(cache: &Cache, bytes: usize) -> Slot {
        let making = cache.making(None).unwrap();
        fs::create_dir_all(making.path().join("modules/engine")).unwrap();
        fs::write(making.path().join("modules/engine/code"), vec![0; bytes]).unwrap();
        fs::write(making.path().join("modules/engine/code.stats"), "x").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", making.path().join("modules/engine/link")).unwrap();
        making
    }

    #[test]
    fn code_is_lent_sealed_and_alone() {
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o711)).unwrap();
        let cache = Cache::open(root.path().join("cache"), 1 << 20, false).unwrap();
        let policy = Policy::parse("t", "version: 1\n").unwrap();
        let name = |tenant| cache.name(tenant, "g", &policy, &Protections::of(&policy));
        cache.keep(&made(&cache, 10), &name("a")).unwrap();
        let slot = cache.slot().unwrap();
        assert!(!cache.lend(&name("b"), &slot), "another tenant's code is not lent");
        assert!(cache.lend(&name("a"), &slot));
        let lent: Vec<_> = fs::read_dir(slot.path().join("modules/engine")).unwrap().flatten().collect();
        assert_eq!(lent.len(), 1, "books and links stay out");
        assert_eq!(lent[0].metadata().unwrap().permissions().mode() & 0o777, 0o444);
        let place = slot.path().to_owned();
        drop(slot);
        assert!(!place.exists());
        cache.forget("g");
        assert!(!cache.lend(&name("a"), &cache.slot().unwrap()));
    }

    #[test]
    fn a_full_cache_loses_what_was_not_used_for_longest() {
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o711)).unwrap();
        let cache = Cache::open(root.path().join("cache"), 3 * LEAST, true).unwrap();
        let policy = Policy::parse("t", "version: 1\n").unwrap();
        let name = |guest: &str| cache.name("", guest, &policy, &Protections::of(&policy));
        for guest in ["a", "b", "c"] {
            cache.keep(&made(&cache, 1), &name(guest)).unwrap();
            let age = std::time::Duration::from_secs(100 - u64::from(guest.as_bytes()[0] - b'a'));
            File::open(name(guest)).unwrap().set_modified(SystemTime::now() - age).unwrap();
        }
        assert!(cache.lend(&name("a"), &cache.slot().unwrap()), "a is used again");
        cache.keep(&made(&cache, 1), &name("d")).unwrap();
        let left = ["a", "b", "c", "d"].map(|guest| name(guest).is_dir());
        assert_eq!(left, [true, false, true, true]);
    }

    #[test]
    fn what_a_dead_process_left_is_removed_at_opening() {
        let root = tempfile::tempdir().unwrap();
        let dead = root.path().join("slots/4294967295-0-x");
        fs::create_dir_all(&dead).unwrap();
        let cache = Cache::open(root.path().to_owned(), 1, false).unwrap();
        assert!(!dead.exists());
        drop(cache);
    }
}
