//! The worker's jail: the worker narrows itself, before it reads a guest, and says how much of it the system granted.
//!
//! The order of the steps is this, and why:
//!
//! 1. the launcher enters the control group ([`groups`]), which needs the caller's user and the host's mounts, and has one thread for it;
//!    a worker without a launcher does so itself;
//! 2. it leaves the caller's user and enters the namespaces ([`namespaces`]): a process that enters a process namespace cannot start
//!    threads afterwards, so that somebody else has to;
//! 3. the worker closes every descriptor that came with it ([`close_inherited`]), while none of its own is open;
//! 4. it asks to die with its parent: after the change of user, which would clear that;
//! 5. it changes its root ([`root`]): this takes a capability, so it comes before those are dropped;
//! 6. capabilities, privileges, speculation ([`privileges`]); resource limits, after the mounts, which need descriptors;
//! 7. Landlock ([`files`]), which names the directories as they are under the new root;
//! 8. engine, linkers and the ticker's thread: they open and start what the last step forbids;
//! 9. the filter on system calls ([`system_calls`]), on all threads at once.
//!
//! Only then does the worker say that it is ready, and only then is it given the guest.

mod descriptors;
mod files;
pub(crate) mod groups;
pub(crate) mod namespaces;
mod privileges;
pub(crate) mod resources;
mod root;
mod system_calls;

use std::path::PathBuf;

use gauntlet_policy::{Access, Policy, Requirement};
use gauntlet_record::{Confinement, Granted};

use crate::Protections;
use crate::protections::{SCRATCH_NEEDS, has_scratch};

pub(crate) use descriptors::close_inherited;

/// What a job needs of the system, which decides what the jail leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Needs {
    /// Granted directories.
    pub(crate) files: bool,
    /// Granted directories that can be written.
    pub(crate) writes: bool,
    /// Granted addresses.
    pub(crate) network: bool,
    /// Compiled code is read from the cache.
    pub(crate) cache: bool,
}

impl Needs {
    /// What a policy's grants need.
    pub(crate) fn of(policy: &Policy, protections: &Protections, cache: bool) -> Self {
        let grants = &policy.grants;
        let open = protections.lifted("filesystem");
        Self {
            files: !grants.filesystem.is_empty(),
            writes: grants.filesystem.iter().any(|grant| grant.access.value != Access::ReadOnly || open),
            network: !grants.network.is_empty() || protections.lifted("network"),
            cache,
        }
    }
}

/// A mechanism that the policy requires and the system did not grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{mechanism}` is required and not to be had: {note}")]
pub(crate) struct Denied {
    pub(crate) mechanism: String,
    pub(crate) note: String,
}

fn confinement(mechanism: &str, granted: Granted, note: impl Into<String>) -> Confinement {
    Confinement { mechanism: mechanism.into(), granted, note: note.into() }
}

/// What a worker is to be narrowed by, as far as the policy does not say it.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Ground {
    /// What the launcher achieved; nothing if there was none.
    pub(crate) entered: Option<namespaces::Entered>,
    /// The control group that this worker is to enter, if no launcher did.
    pub(crate) seat: Option<groups::Seat>,
    /// Directories of the executor's own that stay readable.
    pub(crate) readable: Vec<PathBuf>,
    /// A directory of the executor's own that stays writable: where a compilation leaves its code.
    pub(crate) writable: Option<PathBuf>,
}

/// First half, with one thread: root, privileges, resource limits, files. Must come before any thread is started. Changes the host
/// paths of the grants to those under the new root.
///
/// # Errors
///
/// If a required mechanism is not granted.
pub(crate) fn narrow_process(
    policy: &mut Policy,
    protections: &Protections,
    ground: &mut Ground,
) -> Result<Vec<Confinement>, Denied> {
    let needs = Needs::of(policy, protections, !ground.readable.is_empty());
    let file_size = resources::bound_file_size(protections, needs, ground.writable.is_some());
    if protections.lifted("jail") {
        return Ok(vec![file_size, confinement("jail", Granted::None, "lifted on purpose")]);
    }
    let mut achieved =
        vec![file_size, confinement("process", Granted::Full, "a process of its own, ended with its parent")];
    achieved.extend(ground.seat.take().map(groups::Seat::enter));
    let mounts = ground.entered.as_ref().is_some_and(|entered| entered.mounts);
    if let Some(entered) = ground.entered.take() {
        let asked = policy.isolation.cgroup.value != Requirement::Off;
        achieved.extend([entered.namespaces, entered.user]);
        achieved.extend(entered.group.filter(|_| asked));
    }
    if mounts {
        let root = root::change(policy, protections, ground);
        if root.granted != Granted::Full
            && let Some(namespaces) = achieved.iter_mut().find(|achieved| achieved.mechanism == "namespaces")
        {
            namespaces.granted = namespaces.granted.max(Granted::Partial);
        }
        achieved.push(root);
    }
    if has_scratch(policy) && !achieved.iter().any(|root| root.mechanism == "root" && root.granted == Granted::Full) {
        let namespaces = achieved.iter().filter(|given| matches!(given.mechanism.as_str(), "namespaces" | "root"));
        let notes: Vec<&str> = namespaces.map(|given| given.note.as_str()).collect();
        return Err(Denied { mechanism: "namespaces".into(), note: format!("{SCRATCH_NEEDS}: {}", notes.join("; ")) });
    }
    achieved.push(privileges::drop_capabilities());
    achieved.push(privileges::none_gained());
    achieved.push(privileges::curb_speculation());
    achieved.push(resources::narrow(protections));
    if policy.isolation.landlock.value != Requirement::Off {
        achieved.push(files::narrow(policy, protections, ground));
    }
    keep_cache_shut(ground, &achieved)?;
    require(policy, &achieved)?;
    Ok(achieved)
}

/// Kept code is used only where the worker can change none of it: beneath a root of its own, or under Landlock.
fn keep_cache_shut(ground: &mut Ground, achieved: &[Confinement]) -> Result<(), Denied> {
    let held = achieved.iter().any(|given| match given.mechanism.as_str() {
        "root" => given.granted == Granted::Full,
        "landlock" => given.granted != Granted::None,
        _ => false,
    });
    if held {
        return Ok(());
    }
    // A guest compiles for itself then; a worker that would leave code for others does not begin.
    ground.readable.clear();
    match ground.writable {
        None => Ok(()),
        Some(_) => Err(Denied {
            mechanism: "landlock".into(),
            note: "neither a root of its own nor Landlock keeps this worker from other compiled code".into(),
        }),
    }
}

/// Second half, with all threads that will be: the filter on system calls.
///
/// # Errors
///
/// If the filter is required and not granted.
pub(crate) fn narrow_system_calls(
    policy: &Policy,
    protections: &Protections,
    ground: &Ground,
) -> Result<Option<Confinement>, Denied> {
    if protections.lifted("jail") || policy.isolation.seccomp.value == Requirement::Off {
        return Ok(None);
    }
    let mut needs = Needs::of(policy, protections, !ground.readable.is_empty());
    if ground.writable.is_some() {
        (needs.files, needs.writes, needs.cache) = (true, true, true);
    }
    let achieved = system_calls::narrow(needs);
    require(policy, std::slice::from_ref(&achieved))?;
    Ok(Some(achieved))
}

fn require(policy: &Policy, achieved: &[Confinement]) -> Result<(), Denied> {
    for (mechanism, requirement) in policy.isolation.mechanisms() {
        let short =
            achieved.iter().find(|achieved| achieved.mechanism == mechanism && achieved.granted != Granted::Full);
        if let (Requirement::Required, Some(short)) = (requirement.value, short) {
            return Err(Denied { mechanism: mechanism.into(), note: short.note.clone() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_code_is_used_only_where_it_cannot_be_changed() {
        let ground = || Ground { readable: vec!["/slot".into()], ..Ground::default() };
        let left = |mechanism: &str, granted| {
            let mut ground = ground();
            keep_cache_shut(&mut ground, &[confinement(mechanism, granted, "")]).unwrap();
            ground.readable.len()
        };
        assert_eq!(left("root", Granted::Full), 1);
        assert_eq!(left("landlock", Granted::Partial), 1);
        assert_eq!(left("root", Granted::None), 0);
        assert_eq!(left("landlock", Granted::None), 0);
        assert_eq!(left("seccomp", Granted::Full), 0);
        let mut compiles = Ground { writable: Some("/making".into()), ..Ground::default() };
        assert!(keep_cache_shut(&mut compiles, &[]).is_err());
    }
}
