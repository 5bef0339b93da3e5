//! Resource limits of the process: backstops above the executor's own limits.

use gauntlet_record::{Confinement, Granted, LimitKey};
use rustix::process::{Resource, Rlimit, setrlimit};

use super::{Needs, confinement};
use crate::Protections;

/// Descriptors that the worker itself needs: pipes, the runtime, the granted directories while they are opened.
const OWN_DESCRIPTORS: u64 = 24;
/// Writable memory that the worker itself needs besides the guest's and the compiler's: stacks, heap, the engine.
const OWN_DATA: u64 = 256 << 20;

/// Memory that a worker may have in all, in bytes: the guest's, the compiler's, its own, and that of scratch directories.
pub(crate) fn with_scratch(protections: &Protections) -> Option<u64> {
    Some(all_memory(protections)?.saturating_add(protections.backstop(LimitKey::Disk).unwrap_or(0)))
}

/// Writable memory that a worker may have in all, in bytes: the guest's, the compiler's and its own.
fn all_memory(protections: &Protections) -> Option<u64> {
    let of = |key| protections.backstop(key);
    Some(of(LimitKey::Memory)?.saturating_add(of(LimitKey::CompileMemory)?).saturating_add(OWN_DATA))
}

/// Sets the limits. Sizes are counted by `RLIMIT_DATA`, which leaves the engine's reservations of address space alone.
pub(crate) fn narrow(protections: &Protections) -> Confinement {
    let mut missing = Vec::new();
    let mut set = |name: &str, resource, value: Option<u64>| {
        if let Some(value) = value
            && let Err(error) = setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })
        {
            missing.push(format!("{name}: {error}"));
        }
    };
    let of = |key| protections.backstop(key);
    set("core", Resource::Core, Some(0));
    set("cpu", Resource::Cpu, of(LimitKey::CpuTime).map(|nanos| nanos.div_ceil(1_000_000_000).saturating_add(1)));
    set("data", Resource::Data, all_memory(protections));
    set("nofile", Resource::Nofile, of(LimitKey::OpenFiles).map(|files| files.saturating_add(OWN_DESCRIPTORS)));
    if missing.is_empty() {
        confinement("rlimits", Granted::Full, "core, cpu, data, nofile")
    } else {
        confinement("rlimits", Granted::Partial, missing.join("; "))
    }
}

/// Bounds the size of a file. This is the policy's own limit and no backstop: nothing else holds it.
///
/// A compilation that leaves its code somewhere writes no file of a guest's; that file is bounded by the memory of the compilation.
pub(crate) fn bound_file_size(protections: &Protections, needs: Needs, compiles: bool) -> Confinement {
    let size = match (compiles, needs.writes) {
        (true, _) => protections.limit(LimitKey::CompileMemory),
        (false, true) => protections.limit(LimitKey::FileSize),
        (false, false) => Some(0),
    };
    match size.map_or(Ok(()), |size| setrlimit(Resource::Fsize, Rlimit { current: Some(size), maximum: Some(size) })) {
        Ok(()) => confinement(
            "file-size",
            Granted::Full,
            size.map_or_else(|| "unlimited".to_owned(), |size| format!("{size} bytes")),
        ),
        Err(error) => confinement("file-size", Granted::None, error.to_string()),
    }
}
