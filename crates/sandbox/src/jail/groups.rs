//! Control groups: the kernel's own ceiling over memory and processes of workers. The parent makes them and removes them; the launcher, or
//! a worker that has none, enters them itself, as long as it has one thread: a process that moves itself thread by thread does not have to
//! wait until the kernel has stopped every other process from starting or ending, which takes 10 ms and more.
//!
//! Version 2 where the parent's group is delegated to it, version 1 where the parent may write there. A group is a directory; it goes
//! when its workers have gone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gauntlet_record::{Confinement, Granted};

use super::confinement;

/// Where control groups are mounted.
const MOUNT: &str = "/sys/fs/cgroup";
/// Threads of a worker: the guest's, the ticker's, the cache's, and those that wait for files.
const MAX_THREADS: u64 = 64;

/// The controllers that hold something for us: of version 1 each its own tree.
const CONTROLLERS: &[&str] = &["memory", "pids"];

/// The groups of some workers, gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Group {
    seat: Seat,
}

/// What a process enters, and what is to be reported if it can.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Seat {
    directories: Vec<PathBuf>,
    report: Confinement,
}

impl Seat {
    /// Puts this process, which has one thread, into the groups, and says what it is held by.
    pub(crate) fn enter(self) -> Confinement {
        for directory in &self.directories {
            // Version 1 has a file for threads, where ours is moved without a wait; version 2 moves whole processes.
            let entered =
                fs::write(directory.join("tasks"), "0").or_else(|_| fs::write(directory.join("cgroup.procs"), "0"));
            if let Err(error) = entered {
                return confinement("cgroup", Granted::None, format!("the worker cannot enter it: {error}"));
            }
        }
        self.report
    }
}

impl Group {
    /// Makes the groups for so many workers of so much memory each, in bytes, as far as this host lets us.
    pub(crate) fn make(workers: u64, memory: Option<u64>) -> Self {
        let membership = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self::make_in(Path::new(MOUNT), &membership, workers, memory)
    }

    /// What this host gave.
    pub(crate) const fn report(&self) -> &Confinement {
        &self.seat.report
    }

    /// What a process needs to enter.
    pub(crate) fn seat(&self) -> Seat {
        self.seat.clone()
    }

    fn make_in(mount: &Path, membership: &str, workers: u64, memory: Option<u64>) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = format!("{PREFIX}{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut directories = Vec::new();
        let mut held = Vec::new();
        let mut missing = Vec::new();
        let unified = mount.join("cgroup.controllers").exists();
        for controller in CONTROLLERS {
            let base = if unified { unified_base(mount, membership) } else { base(mount, controller, membership) };
            forget_orphans(&base);
            let directory = base.join(&name);
            let made = match fs::create_dir(&directory) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                made => made.inspect(|()| directories.push(directory.clone())),
            };
            match made.and_then(|()| bound(&directory, controller, unified, workers, memory)) {
                Ok(()) => held.push(*controller),
                Err(error) => missing.push(format!("{controller}: {error}")),
            }
        }
        let version = if unified { "version 2" } else { "version 1" };
        let granted = match (held.is_empty(), missing.is_empty()) {
            (true, _) => Granted::None,
            (false, true) => Granted::Full,
            (false, false) => Granted::Partial,
        };
        let note = match granted {
            Granted::Full => format!("{version}: {}", held.join(", ")),
            Granted::Partial => format!("{version}: {}; without {}", held.join(", "), missing.join("; ")),
            Granted::None => missing.join("; "),
        };
        Self { seat: Seat { directories, report: confinement("cgroup", granted, note) } }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for directory in &self.seat.directories {
            // Processes that were killed, but are not ours to wait for, may still be on their way out; no event tells when the last has gone.
            let mut looks = 0;
            while matches!(fs::remove_dir(directory), Err(error) if error.kind() == io::ErrorKind::ResourceBusy)
                && looks < MAX_LOOKS
            {
                std::thread::park_timeout(LOOK);
                looks += 1;
            }
        }
    }
}

/// Removes the groups of processes that were killed before they could. One that is young stays: in another process namespace its maker may
/// live under a number that says nothing here.
fn forget_orphans(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let maker = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next()?.parse::<u32>().ok());
        let orphaned = maker.is_some_and(|maker| !Path::new("/proc").join(maker.to_string()).exists());
        let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
        if orphaned && age().is_some_and(|age| age > ORPHAN_AGE) {
            // Where something still runs in it, the kernel keeps it.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// What the name of a group begins with; the number of the process that made it follows.
const PREFIX: &str = "gauntlet-";
/// How old a group is at least that is removed by another process than its maker.
const ORPHAN_AGE: Duration = Duration::from_secs(60);
/// How often, and how many times, a group is looked at that is to be removed.
const LOOK: Duration = Duration::from_millis(2);
const MAX_LOOKS: u32 = 500;

/// Where our own group of a controller of version 1 is. In a container the path that the kernel tells may lie outside of what is mounted.
fn base(mount: &Path, controller: &str, membership: &str) -> PathBuf {
    let tree = mount.join(controller);
    let own = membership.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let names = fields.next()?;
        names.split(',').any(|name| name == controller).then(|| fields.next().unwrap_or("/").to_owned())
    });
    let own = tree.join(own.unwrap_or_default().trim_start_matches('/'));
    if own.is_dir() { own } else { tree }
}

fn unified_base(mount: &Path, membership: &str) -> PathBuf {
    let own = membership.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    let own = mount.join(own.trim_start_matches('/'));
    if own.is_dir() { own } else { mount.to_owned() }
}

/// Writes the ceilings. A controller that is not delegated has no file for them.
fn bound(directory: &Path, controller: &str, unified: bool, workers: u64, memory: Option<u64>) -> io::Result<()> {
    let write = |file: &str, value: u64| {
        let path = directory.join(file);
        if !path.exists() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "not delegated"));
        }
        fs::write(path, value.to_string())
    };
    match (controller, memory) {
        ("memory", None) => Ok(()),
        ("memory", Some(bytes)) => {
            write(if unified { "memory.max" } else { "memory.limit_in_bytes" }, bytes.saturating_mul(workers))
        }
        _ => write("pids.max", MAX_THREADS.saturating_mul(workers)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_groups_is_told_of_and_leaves_nothing() {
        let host = tempfile::tempdir().unwrap();
        let group = Group::make_in(&host.path().join("nowhere"), "", 1, Some(1));
        assert_eq!(group.report().granted, Granted::None);
        assert!(group.report().note.contains("memory"));
    }

    #[test]
    fn a_controller_that_is_not_delegated_is_named() {
        let host = tempfile::tempdir().unwrap();
        fs::write(host.path().join("cgroup.controllers"), "cpu").unwrap();
        fs::create_dir(host.path().join("mine")).unwrap();
        let group = Group::make_in(host.path(), "0::/mine\n", 1, Some(1));
        assert_eq!(group.report().granted, Granted::None);
        assert!(group.report().note.contains("not delegated"), "{}", group.report().note);
        assert_eq!(group.seat.directories.len(), 1);
        drop(group);
        assert_eq!(fs::read_dir(host.path().join("mine")).unwrap().count(), 0);
    }

    #[test]
    fn a_group_whose_maker_was_killed_goes_and_a_young_or_living_one_stays() {
        let host = tempfile::tempdir().unwrap();
        let old = std::time::SystemTime::now() - ORPHAN_AGE * 2;
        let make = |name: &str, aged: bool| {
            let path = host.path().join(name);
            fs::create_dir(&path).unwrap();
            if aged {
                fs::File::open(&path).unwrap().set_modified(old).unwrap();
            }
        };
        let own = format!("gauntlet-{}-0", std::process::id());
        // Above the highest number that the kernel gives.
        for (name, aged) in [("gauntlet-4194305-0", true), ("gauntlet-4194305-1", false), (own.as_str(), true)] {
            make(name, aged);
        }
        make("somebody-4194305-0", true);
        forget_orphans(host.path());
        let mut left: Vec<_> = fs::read_dir(host.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        let mut expected = ["gauntlet-4194305-1", own.as_str(), "somebody-4194305-0"];
        expected.sort_unstable();
        assert_eq!(left, expected);
    }

    #[test]
    fn a_process_that_cannot_enter_says_so() {
        let report = confinement("cgroup", Granted::Full, "");
        let seat = Seat { directories: vec!["/nowhere/at/all".into()], report };
        assert_eq!(seat.enter().granted, Granted::None);
    }

    #[test]
    fn the_own_group_is_found_in_each_tree() {
        let host = tempfile::tempdir().unwrap();
        fs::create_dir_all(host.path().join("memory/a/b")).unwrap();
        fs::create_dir_all(host.path().join("pids")).unwrap();
        let membership = "4:memory:/a/b\n3:cpu,pids:/outside\n";
        assert_eq!(base(host.path(), "memory", membership), host.path().join("memory/a/b"));
        assert_eq!(base(host.path(), "pids", membership), host.path().join("pids"));
    }
}
