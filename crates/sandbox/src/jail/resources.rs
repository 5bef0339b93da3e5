//! Resource limits of the process: backstops above the executor's own limits.

use gauntlet_record::{Confinement, Granted, LimitKey};
use rustix::process::{Resource, Rlimit, setrlimit};

use super::{Needs, confinement};
use crate::Protections;

/// Descriptors that the worker itself needs: pipes, the runtime, the granted directories while they are opened.
const OWN_DESCRIPTORS: u64 = 24;
/// Writable memory that the worker itself needs besides the guest's and the compiler's: stacks, heap, the engine.
const OWN_DATA: u64 = 256 << 20;

/// Sets the limits. Sizes are counted by `RLIMIT_DATA`, which leaves the engine's reservations of address space alone.
pub(crate) fn narrow(protections: &Protections, needs: Needs) -> Confinement {
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
    let data = of(LimitKey::Memory).and_then(|memory| Some(memory.saturating_add(of(LimitKey::CompileMemory)?).saturating_add(OWN_DATA)));
    set("data", Resource::Data, data);
    set("nofile", Resource::Nofile, of(LimitKey::OpenFiles).map(|files| files.saturating_add(OWN_DESCRIPTORS)));
    let file_size = if needs.writes { of(LimitKey::FileSize) } else { Some(0) };
    set("fsize", Resource::Fsize, file_size);
    if missing.is_empty() {
        confinement("rlimits", Granted::Full, "core, cpu, data, nofile, fsize")
    } else {
        confinement("rlimits", Granted::Partial, missing.join("; "))
    }
}
