//! Protections as values: what the executor puts between a guest and the host, each one separately.
//!
//! The executor is built from this list. A live control, a lifted layer and many a weakened executor are the same thing: one protection
//! left out, here, by an id that no policy can name.

use std::collections::{BTreeMap, BTreeSet};

use gauntlet_policy::{Policy, Requirement};
use gauntlet_record::{Grant, LimitKey};
use gauntlet_target::TargetError;
use serde::{Deserialize, Serialize};

/// Limits and settings that policies may name and this executor does not hold yet, with the reason. Records show them as NOT PROVED.
pub const NOT_HELD: &[(&str, &str)] = &[];

/// Why a key of the policy is not held; `None` if it is.
#[must_use]
pub fn not_held(key: &str, _policy: &Policy) -> Option<&'static str> {
    NOT_HELD.iter().find(|(name, _)| *name == key).map(|(_, why)| *why)
}

/// An id that names no protection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a protection")]
pub struct UnknownProtection(pub String);

/// What stands between the guest and the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protections {
    /// The value in force of every limit, in its base unit; absent is unlimited.
    limits: BTreeMap<LimitKey, u64>,
    /// The limits as the policy gives them, whatever was lifted: the jail's backstops stand on these.
    backstops: BTreeMap<LimitKey, u64>,
    lifted: BTreeSet<String>,
}

impl Protections {
    /// All that a policy asks for.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        let memory = crate::host_memory();
        let limits: BTreeMap<_, _> = LimitKey::ALL
            .iter()
            .filter_map(|key| policy.limits.resolve(*key, memory).map(|value| (*key, value)))
            .collect();
        Self { backstops: limits.clone(), limits, lifted: BTreeSet::new() }
    }

    /// Leaves protections out, by id: a limit or a grant by its policy key, `on-denial`, `special-files` (devices, FIFOs and sockets in
    /// granted directories), `wasi-filesystem` (what WASI makes of read-only grants; the jail still goes by them), `deterministic`,
    /// `validation`, `jail`, `escaping`, or `file-threads` (work on files is done in threads of its own, so that the deadline cuts what
    /// waits; without them a run is on the caller's thread alone, and several times as fast where a guest does little else).
    ///
    /// # Errors
    ///
    /// If an id names no protection.
    pub fn lift(&mut self, ids: &[String]) -> Result<(), UnknownProtection> {
        for id in ids {
            let others = [
                "on-denial",
                "special-files",
                "wasi-filesystem",
                "deterministic",
                "validation",
                "jail",
                "escaping",
                "file-threads",
            ];
            let known = id.parse::<Grant>().is_ok() || others.contains(&id.as_str());
            if let Ok(key) = id.parse::<LimitKey>() {
                self.limits.remove(&key);
            } else if !known {
                return Err(UnknownProtection(id.clone()));
            }
            self.lifted.insert(id.clone());
        }
        Ok(())
    }

    /// The value of a limit; `None` is unlimited.
    pub(crate) fn limit(&self, key: LimitKey) -> Option<u64> {
        self.limits.get(&key).copied()
    }

    /// The value that the jail's backstop for a limit stands on.
    pub(crate) fn backstop(&self, key: LimitKey) -> Option<u64> {
        self.backstops.get(&key).copied()
    }

    /// The protections that were left out.
    pub(crate) const fn lifted_ids(&self) -> &BTreeSet<String> {
        &self.lifted
    }

    /// Whether a protection was left out.
    pub(crate) fn lifted(&self, id: &str) -> bool {
        self.lifted.contains(id)
    }
}

/// Why a scratch directory cannot be had.
pub(crate) const SCRATCH_NEEDS: &str =
    "a scratch directory is a file system of its own, which only a worker with a mount namespace can have";

/// Whether a policy grants a scratch directory.
pub(crate) fn has_scratch(policy: &Policy) -> bool {
    policy.grants.filesystem.iter().any(|grant| grant.access.value == gauntlet_policy::Access::Scratch)
}

/// Checks, before anything runs, whether this executor and this host can hold what a policy asks for.
///
/// # Errors
///
/// If a grant or setting cannot be honoured, or a required mechanism is not to be had.
pub fn preflight(policy: &Policy) -> Result<(), TargetError> {
    let unheld = |key: &str, why: &str| Err(TargetError::LimitUnenforced { key: key.into(), why: why.into() });
    if has_scratch(policy) && policy.isolation.namespaces.value == Requirement::Off {
        return unheld("grants.filesystem", SCRATCH_NEEDS);
    }
    crate::signatures::keys(policy)?;
    if policy.modules.precompiled.value {
        return unheld("modules.precompiled", "precompiled code is never loaded: it would run unchecked");
    }
    if policy.modules.compressed.value {
        return unheld("modules.compressed", "compressed modules are never unpacked");
    }
    if policy.modules.unknown_imports.value {
        return unheld("modules.imports", "unknown imports are refused, never stubbed");
    }
    if policy.grants.network.iter().any(|grant| grant.scope != gauntlet_policy::Scope::Connect) {
        return unheld("grants.network", "the executor grants connecting only, neither listening nor looking names up");
    }
    for (mechanism, requirement) in policy.isolation.mechanisms() {
        if requirement.value == Requirement::Required
            && let Some(have) = crate::detect::mechanism_named(mechanism)
            && have.granted == gauntlet_record::Granted::None
        {
            return Err(TargetError::Unconfined { mechanism: mechanism.into(), why: have.note });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifted_limit_is_gone_and_its_backstop_stays() {
        let policy = Policy::parse("t", "version: 1\nlimits: { memory: 1MiB }\n").unwrap();
        let mut protections = Protections::of(&policy);
        protections.lift(&["memory".to_owned()]).unwrap();
        assert_eq!(protections.limit(LimitKey::Memory), None);
        assert_eq!(protections.backstop(LimitKey::Memory), Some(1 << 20));
        assert!(protections.lift(&["memroy".to_owned()]).is_err());
    }

    #[test]
    fn what_is_required_and_not_held_is_refused_before_anything_runs() {
        let policy = Policy::parse("t", "version: 1\nmodules: { precompiled: accept }\n").unwrap();
        assert!(matches!(preflight(&policy), Err(TargetError::LimitUnenforced { .. })));
    }
}
