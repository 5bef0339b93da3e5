//! Namespaces: no process, mount, address, queue or name of the host is there to be found. Entered by the launcher, which holds them for
//! the workers that it starts; only the mount namespace is each worker's own.

use std::fs;
use std::io;

use gauntlet_record::{Confinement, Granted};
use nix::sched::{CloneFlags, unshare};
use rustix::process::{DumpableBehavior, Gid, Uid, set_dumpable_behavior};

use super::confinement;

/// As whom and with what workers run. What differs here needs a launcher of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Ground {
    /// The user and group to become; `None` stays who we are.
    pub(crate) user: Option<(u32, u32)>,
    /// Whether the host's network stays reachable, for granted addresses.
    pub(crate) network: bool,
}

/// What was achieved.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Entered {
    /// The namespaces.
    pub(crate) namespaces: Confinement,
    /// The user.
    pub(crate) user: Confinement,
    /// Whether children are in a process namespace of their own.
    pub(crate) processes: bool,
    /// Whether workers can make mounts.
    pub(crate) mounts: bool,
    /// The control group that this process and all that it starts are in, if it was to enter one.
    pub(crate) group: Option<Confinement>,
}

/// Every namespace, by the name that the report uses.
const KINDS: &[(&str, CloneFlags)] = &[
    ("pid", CloneFlags::CLONE_NEWPID),
    ("mount", CloneFlags::CLONE_NEWNS),
    ("network", CloneFlags::CLONE_NEWNET),
    ("ipc", CloneFlags::CLONE_NEWIPC),
    ("uts", CloneFlags::CLONE_NEWUTS),
];

/// Leaves the caller's user, then the host's namespaces, for this process and all that it starts. Needs a process with one thread.
pub(crate) fn enter(ground: Ground) -> Entered {
    let user = leave_user(ground.user);
    let wanted: Vec<_> = KINDS.iter().copied().filter(|(name, _)| !(ground.network && *name == "network")).collect();
    let all = wanted.iter().fold(CloneFlags::empty(), |all, (_, flag)| all | *flag);
    // The user namespace first: it is what gives an ordinary user the right to make the others.
    let own_users = map_users();
    let mut entered = Vec::new();
    let mut missing = Vec::new();
    if unshare(all).is_ok() {
        entered.extend(wanted.iter().map(|(name, _)| *name));
    } else {
        for (name, flag) in &wanted {
            match unshare(*flag) {
                Ok(()) => entered.push(*name),
                Err(error) => missing.push(format!("{name}: {}", error.desc())),
            }
        }
    }
    match &own_users {
        Ok(()) => entered.insert(0, "user"),
        Err(error) => missing.insert(0, format!("user: {error}")),
    }
    let granted = if entered.is_empty() {
        Granted::None
    } else if missing.is_empty() {
        Granted::Full
    } else {
        Granted::Partial
    };
    let mut note = entered.join(", ");
    if ground.network {
        note.push_str("; the host's network, for the granted addresses");
    }
    if !missing.is_empty() {
        note = if note.is_empty() { missing.join("; ") } else { format!("{note}; without {}", missing.join("; ")) };
    }
    let processes = entered.contains(&"pid");
    let mounts = entered.contains(&"mount");
    Entered { namespaces: confinement("namespaces", granted, note), user, processes, mounts, group: None }
}

/// Gives up root for another user, before anything else.
fn leave_user(wanted: Option<(u32, u32)>) -> Confinement {
    let root = rustix::process::geteuid().is_root();
    let Some((user, group)) = wanted else {
        return if root {
            confinement("user", Granted::Partial, "root, without its capabilities: the granted directories are root's")
        } else {
            let user = rustix::process::geteuid().as_raw();
            confinement("user", Granted::Full, format!("an ordinary user, number {user}"))
        };
    };
    let change = || -> Result<(), io::Error> {
        let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
        rustix::thread::set_thread_groups(&[])?;
        rustix::thread::set_thread_res_gid(group, group, group)?;
        rustix::thread::set_thread_res_uid(user, user, user)?;
        // The change made our files under /proc root's, and the maps of the user namespace are among them.
        set_dumpable_behavior(DumpableBehavior::Dumpable)?;
        Ok(())
    };
    match change() {
        Ok(()) => confinement("user", Granted::Full, format!("an ordinary user, number {user}")),
        Err(error) => confinement("user", Granted::None, error.to_string()),
    }
}

/// A user namespace in which we are root, and outside of which we stay who we are.
fn map_users() -> Result<(), io::Error> {
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    unshare(CloneFlags::CLONE_NEWUSER)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {group} 1"))
}
