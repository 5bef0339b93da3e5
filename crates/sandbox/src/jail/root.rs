//! An empty root: a worker that left the runtime finds no file but the granted directories.
//!
//! A small tmpfs becomes the root; each granted directory is bound into it without devices, set-user-id or execution, read-only where
//! the grant says so; scratch grants are directories of one tmpfs, bounded to the byte and the inode. The old root is detached.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use gauntlet_policy::{Access, Policy};
use gauntlet_record::{Confinement, Granted, LimitKey};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::pivot_root;
use rustix::fs::{Mode, OFlags};

use super::{Ground, confinement};
use crate::Protections;

/// Where the new root is put together: the first of these that there is. Only this worker sees what is mounted there.
const STAGES: &[&str] = &["/mnt", "/tmp", "/run", "/var", "/dev"];
/// What no grant ever needs.
const NOTHING_SPECIAL: MsFlags = MsFlags::MS_NODEV.union(MsFlags::MS_NOSUID).union(MsFlags::MS_NOEXEC);

/// Changes the root and the grants' host paths with it: grant number `n` is `/n` from here on.
///
/// The executor's own directories come along under their own names.
pub(super) fn change(policy: &mut Policy, protections: &Protections, ground: &mut Ground) -> Confinement {
    match build(policy, protections, ground) {
        Ok(()) => {
            confinement("root", Granted::Full, "an empty root; the granted directories without devices and set-user-id")
        }
        Err((what, error)) => confinement("root", Granted::None, format!("{what}: {error}")),
    }
}

type Failed = (String, io::Error);

fn during<E: Into<io::Error>>(what: impl Into<String>) -> impl FnOnce(E) -> Failed {
    move |error| (what.into(), error.into())
}

fn build(policy: &mut Policy, protections: &Protections, ground: &mut Ground) -> Result<(), Failed> {
    unshare(CloneFlags::CLONE_NEWNS).map_err(during("mount namespace"))?;
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).map_err(during("private mounts"))?;
    // The granted directories are found by name now and held by descriptor, whatever is mounted over their names.
    let grants: Vec<Option<OwnedFd>> = policy
        .grants
        .filesystem
        .iter()
        .map(|grant| match grant.access.value {
            Access::Scratch => Ok(None),
            Access::ReadOnly | Access::ReadWrite => open(Path::new(&grant.host.value)).map(Some),
        })
        .collect::<Result<_, _>>()?;
    let own =
        ground.readable.iter_mut().map(|path| (path, true)).chain(ground.writable.iter_mut().map(|path| (path, false)));
    let own =
        own.map(|(path, read_only)| open(path).map(|held| (path, held, read_only))).collect::<Result<Vec<_>, _>>()?;

    let stage = STAGES
        .iter()
        .map(Path::new)
        .find(|stage| stage.is_dir())
        .ok_or_else(|| ("stage".to_owned(), io::Error::from(io::ErrorKind::NotFound)))?;
    let inodes = grants.len() + own.len() + 9;
    let options = format!("size=64k,nr_inodes={inodes},mode=0755");
    mount(Some("gauntlet"), stage, Some("tmpfs"), NOTHING_SPECIAL, Some(options.as_str()))
        .map_err(during("empty root"))?;
    let writable = protections.lifted("filesystem");
    let scratch = Scratch::make(stage, grants.iter().filter(|held| held.is_none()).count(), protections)
        .map_err(during("scratch"))?;
    for (number, (grant, held)) in policy.grants.filesystem.iter_mut().zip(&grants).enumerate() {
        let place = stage.join(number.to_string());
        fs::create_dir(&place).map_err(during("grant"))?;
        match held {
            Some(held) => bind(held, &place, grant.access.value == Access::ReadOnly && !writable)
                .map_err(|error| (format!("grant `{}`", grant.guest.value), error))?,
            None => scratch.directory(number, &place).map_err(|error| ("scratch".to_owned(), error))?,
        }
        grant.host.value = format!("/{number}");
    }
    scratch.seal().map_err(during("scratch"))?;
    for (number, (path, held, read_only)) in own.into_iter().enumerate() {
        let place = stage.join(format!("own-{number}"));
        fs::create_dir(&place).map_err(during("own directory"))?;
        bind(&held, &place, read_only).map_err(during("own directory"))?;
        *path = Path::new("/").join(format!("own-{number}"));
    }
    drop(grants);
    std::env::set_current_dir(stage).map_err(during("empty root"))?;
    // Root and old root on the same place, and the old one taken off: nothing has to be made for it.
    pivot_root(".", ".").map_err(during("pivot"))?;
    umount2(".", MntFlags::MNT_DETACH).map_err(during("old root"))?;
    std::env::set_current_dir("/").map_err(during("empty root"))?;
    let sealed = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | NOTHING_SPECIAL;
    mount(none, "/", none, sealed, none).map_err(during("read-only root"))?;
    Ok(())
}

fn open(path: &Path) -> Result<OwnedFd, Failed> {
    rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(during(format!("`{}`", path.display())))
}

fn bind(held: &OwnedFd, place: &Path, read_only: bool) -> io::Result<()> {
    let from = format!("/proc/self/fd/{}", held.as_raw_fd());
    let none: Option<&str> = None;
    // Mounts beneath the directory stay out, unless the kernel insists that what they cover must not be seen.
    mount(Some(from.as_str()), place, none, MsFlags::MS_BIND, none)
        .or_else(|_| mount(Some(from.as_str()), place, none, MsFlags::MS_BIND | MsFlags::MS_REC, none))?;
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | NOTHING_SPECIAL;
    let access = if read_only { MsFlags::MS_RDONLY } else { MsFlags::empty() };
    mount(none, place, none, flags | access, none)
        // A read-only file system stays one.
        .or_else(|_| mount(none, place, none, flags | MsFlags::MS_RDONLY, none))?;
    Ok(())
}

/// The file system of all scratch grants together: bytes and inodes are the kernel's to count, and nothing is left of it.
struct Scratch {
    place: PathBuf,
    made: bool,
}

impl Scratch {
    fn make(stage: &Path, directories: usize, protections: &Protections) -> io::Result<Self> {
        let place = stage.join("scratch");
        if directories == 0 {
            return Ok(Self { place, made: false });
        }
        fs::create_dir(&place)?;
        let mut options = "mode=0700".to_owned();
        if let Some(bytes) = protections.limit(LimitKey::Disk) {
            // A size of 0 would mean no limit, and the kernel counts whole pages.
            options.push_str(&format!(",size={}", (bytes / PAGE * PAGE).max(PAGE)));
        }
        if let Some(files) = protections.limit(LimitKey::Files) {
            // The root and the directories are inodes, too; 0 would mean no limit.
            options.push_str(&format!(",nr_inodes={}", files.saturating_add(1).saturating_add(directories as u64)));
        }
        mount(Some("gauntlet"), &place, Some("tmpfs"), NOTHING_SPECIAL, Some(options.as_str()))?;
        Ok(Self { place, made: true })
    }

    /// Puts a fresh directory of it at a place.
    fn directory(&self, number: usize, place: &Path) -> io::Result<()> {
        let own = self.place.join(number.to_string());
        DirBuilder::new().mode(0o700).create(&own)?;
        let none: Option<&str> = None;
        mount(Some(&own), place, none, MsFlags::MS_BIND, none)?;
        mount(none, place, none, MsFlags::MS_REMOUNT | MsFlags::MS_BIND | NOTHING_SPECIAL, none)?;
        File::open(place).map(drop)
    }

    /// Takes the whole of it out of reach; its directories stay.
    fn seal(self) -> io::Result<()> {
        if self.made {
            umount2(&self.place, MntFlags::MNT_DETACH)?;
        }
        Ok(())
    }
}

/// The unit that a tmpfs counts in.
const PAGE: u64 = 4096;
