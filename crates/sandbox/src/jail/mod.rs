//! The worker's jail: the worker narrows itself, before it reads a guest, and says how much of it the system granted.

mod descriptors;
mod files;
mod resources;
mod system_calls;

use gauntlet_policy::{Access, Policy, Requirement};
use gauntlet_record::{Confinement, Granted};

use crate::Protections;

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
}

impl Needs {
    /// What a policy's grants need.
    pub(crate) fn of(policy: &Policy, protections: &Protections) -> Self {
        let grants = &policy.grants;
        let open = protections.lifted("filesystem");
        Self {
            files: !grants.filesystem.is_empty(),
            writes: grants.filesystem.iter().any(|grant| grant.access.value != Access::ReadOnly || open),
            network: !grants.network.is_empty() || protections.lifted("network"),
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

/// First half, with one thread: privileges, resource limits, files. Must come before any thread is started.
///
/// # Errors
///
/// If a required mechanism is not granted.
pub(crate) fn narrow_process(policy: &Policy, protections: &Protections) -> Result<Vec<Confinement>, Denied> {
    let file_size = resources::bound_file_size(protections, Needs::of(policy, protections));
    if protections.lifted("jail") {
        return Ok(vec![file_size, confinement("jail", Granted::None, "lifted on purpose")]);
    }
    let mut achieved =
        vec![file_size, confinement("process", Granted::Full, "a process of its own, ended with its parent")];
    let privileges = rustix::thread::set_no_new_privs(true);
    achieved.push(match privileges {
        Ok(()) => confinement("no-new-privileges", Granted::Full, "no privileges can be gained"),
        Err(error) => confinement("no-new-privileges", Granted::None, error.to_string()),
    });
    achieved.push(resources::narrow(protections));
    let asked = policy.isolation.landlock.value;
    if asked != Requirement::Off {
        achieved.push(files::narrow(policy, protections));
    }
    require(policy, &achieved)?;
    Ok(achieved)
}

/// Second half, with all threads that will be: the filter on system calls.
///
/// # Errors
///
/// If the filter is required and not granted.
pub(crate) fn narrow_system_calls(policy: &Policy, protections: &Protections) -> Result<Option<Confinement>, Denied> {
    if protections.lifted("jail") || policy.isolation.seccomp.value == Requirement::Off {
        return Ok(None);
    }
    let achieved = system_calls::narrow(Needs::of(policy, protections));
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
