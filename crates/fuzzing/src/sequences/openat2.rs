//! A kernel without `openat2`, played for this process: what an executor does there is other code, and bugs live in it.

use std::collections::BTreeMap;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter_all_threads};

/// The number of `openat2` on every architecture that has it. Source: `asm-generic/unistd.h` of Linux.
const OPENAT2: i64 = 437;
/// "Function not implemented", on every architecture that Linux has numbers of its own for.
const ENOSYS: u32 = 38;

/// The filter could not be set.
#[derive(Debug, thiserror::Error)]
pub enum NoFilter {
    /// The system does not let this process give up new privileges, or takes no filter.
    #[error("the filter on `openat2` cannot be set")]
    Apply(#[from] seccompiler::Error),
    /// The filter cannot be built for this architecture.
    #[error("the filter on `openat2` cannot be built")]
    Build(#[from] seccompiler::BackendError),
}

/// From now on `openat2` answers this process that it is not known, for ever and in every thread. So it is for a process of its own, before
/// its first sequence: executors remember what they were answered.
///
/// # Errors
///
/// If the system takes no filter.
pub fn without_openat2() -> Result<(), NoFilter> {
    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    let calls = BTreeMap::from([(OPENAT2, Vec::new())]);
    let filter: BpfProgram =
        SeccompFilter::new(calls, SeccompAction::Allow, SeccompAction::Errno(ENOSYS), arch)?.try_into()?;
    Ok(apply_filter_all_threads(&filter)?)
}
