//! The most that a policy lets one guest take of the host.

use gauntlet_policy::{Access, Policy};
use gauntlet_record::LimitKey;
use serde::{Deserialize, Serialize};

use crate::sandbox::Sandbox;

/// What an idle worker and the host's side of a run hold, besides what the guest may use: measured, rounded up.
const WORKER_MEMORY: u64 = 25 << 20;
/// Descriptors that a worker holds for itself: pipes to its parent, the timers' queue.
const WORKER_DESCRIPTORS: u64 = 8;
/// Bytes of a table element, a handle and an open file, as the host keeps them, rounded up.
const TABLE_ELEMENT: u64 = 16;
const HANDLE: u64 = 256;
const OPEN_FILE: u64 = 1_024;

/// The most that one run may take; `None` where the policy sets no bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Estimate {
    /// Memory, in bytes: linear memory, tables, stack, output, host work, handles, and the worker itself. Compiling comes before the
    /// guest holds memory, so the larger of the two counts.
    pub memory: Option<u64>,
    /// CPU time, in nanoseconds, compiling included.
    pub cpu_time: Option<u64>,
    /// Wall time, in nanoseconds.
    pub wall_time: Option<u64>,
    /// Bytes on disk, if the guest can write anywhere.
    pub disk: Option<u64>,
    /// Files and directories made, if the guest can write anywhere.
    pub files: Option<u64>,
    /// Descriptors.
    pub descriptors: Option<u64>,
    /// Threads of the process that runs the guest: its own, the ticker, and one for each file operation that is under way.
    pub threads: u64,
    /// Network bytes, both ways, if the guest has an address.
    pub network_bytes: Option<u64>,
    /// The limits that are missing where something is `None`.
    pub unbounded: Vec<LimitKey>,
}

impl Sandbox {
    /// The most that one run under this sandbox's policy may take.
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        estimate(self.policy())
    }
}

/// The most that one run under a policy may take.
///
/// ```
/// let estimate = gauntlet_sandbox::estimate(&gauntlet_sandbox::Policy::default());
/// assert_eq!(estimate.cpu_time, Some(10_000_000_000));
/// assert_eq!(estimate.disk, Some(0));
/// ```
#[must_use]
pub fn estimate(policy: &Policy) -> Estimate {
    let host = crate::host_memory();
    let mut unbounded = Vec::new();
    let mut limit = |key: LimitKey| {
        let value = policy.limits.resolve(key, host);
        if value.is_none() && !unbounded.contains(&key) {
            unbounded.push(key);
        }
        value
    };
    let grants = &policy.grants;
    let writes = grants.filesystem.iter().any(|grant| grant.access.value != Access::ReadOnly);
    let files = !grants.filesystem.is_empty();
    let open_files = if files { limit(LimitKey::OpenFiles) } else { Some(0) };
    let sums = [
        limit(LimitKey::Memory),
        limit(LimitKey::TableElements).map(|elements| elements.saturating_mul(TABLE_ELEMENT)),
        limit(LimitKey::Stack),
        limit(LimitKey::Output),
        limit(LimitKey::HostWork),
        limit(LimitKey::Handles).map(|handles| handles.saturating_mul(HANDLE)),
        open_files.map(|files| files.saturating_mul(OPEN_FILE)),
        limit(LimitKey::ModuleSize),
    ];
    let guest = sums.into_iter().try_fold(WORKER_MEMORY, |sum, part| Some(sum.saturating_add(part?)));
    let compiling = limit(LimitKey::CompileMemory);
    let memory = guest.zip(compiling).map(|(guest, compiling)| guest.max(compiling.saturating_add(WORKER_MEMORY)));
    let wall_time = limit(LimitKey::Deadline);
    let cpu_time = limit(LimitKey::CpuTime)
        .zip(limit(LimitKey::CompileTime))
        .map(|(running, compiling)| running.saturating_add(compiling));
    let disk = if writes { limit(LimitKey::Disk) } else { Some(0) };
    let made = if writes { limit(LimitKey::Files) } else { Some(0) };
    let networked = !grants.network.is_empty();
    let connections = if networked { limit(LimitKey::Connections) } else { Some(0) };
    let network_bytes = if networked { limit(LimitKey::NetworkBytes) } else { Some(0) };
    let descriptors = open_files.zip(connections).map(|(files, connections)| {
        let own = WORKER_DESCRIPTORS.saturating_add(grants.filesystem.len() as u64);
        own.saturating_add(files).saturating_add(connections)
    });
    Estimate {
        memory,
        cpu_time,
        wall_time,
        disk,
        files: made,
        descriptors,
        threads: if files { 3 } else { 2 },
        network_bytes,
        unbounded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_bound_is_named_and_never_taken_for_zero() {
        let policy = Policy::parse(
            "t",
            "version: 1\nlimits: { memory: unlimited, disk: unlimited }\ngrants: { filesystem: [ { host: /a, access: read-write } ] }\n",
        )
        .unwrap();
        let estimate = estimate(&policy);
        assert_eq!(estimate.memory, None);
        assert_eq!(estimate.disk, None);
        assert_eq!(estimate.unbounded, [LimitKey::Memory, LimitKey::Disk]);
        assert!(estimate.descriptors.is_some_and(|descriptors| descriptors >= 33));
    }

    #[test]
    fn a_larger_limit_never_gives_a_smaller_estimate() {
        let of = |memory: u64| {
            let text = format!("version: 1\nlimits: {{ memory: {memory}B, compile-memory: 1MiB }}\n");
            estimate(&Policy::parse("t", &text).unwrap()).memory.unwrap()
        };
        assert_eq!(of(64 << 20) - of(0), 64 << 20);
        assert_eq!(of(u64::MAX), u64::MAX);
    }
}
