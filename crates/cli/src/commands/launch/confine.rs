//! The confinement of a compiler: a program that reads what a stranger wrote.
//!
//! It is for programs that start others and use threads, so it is not the jail of the workers, which allows a few system calls and no
//! file. What is named is required: without Landlock or the filter nothing is started. Namespaces are taken where the host has them; the
//! filter forbids sockets all the same.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus, Scope,
};
use nix::libc;
use nix::sched::{CloneFlags, unshare};
use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

/// The version of Landlock that has to be there: files, renames and truncation. What later ones add is taken where it is.
const ABI_REQUIRED: ABI = ABI::V3;
const ABI_WANTED: ABI = ABI::V6;
/// Who runs the compiler of a caller that is root.
const NOBODY: u32 = 65534;
/// Processor time, in seconds.
const CPU: u64 = 30;
/// Writable memory of each process, and address space, in bytes.
const DATA: u64 = 2 << 30;
const SPACE: u64 = 16 << 30;
/// Size of a file that is written, in bytes.
const FILE: u64 = 256 << 20;
const DESCRIPTORS: u64 = 512;

/// System calls that no compiler needs: ways out of the process, into the network or the kernel's rarer parts.
const FORBIDDEN: &[i64] = &[
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_fsconfig,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_quotactl,
    libc::SYS_acct,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_mknodat,
];

/// Narrows this process to what a compiler needs: directories to read and run programs from, and directories to write to.
pub(super) fn narrow(read: &[PathBuf], write: &[PathBuf]) -> anyhow::Result<()> {
    limits()?;
    // Directories are opened before the privileges to do so may be gone.
    let open = |path: &PathBuf| PathFd::new(path).with_context(|| format!("cannot open `{}`", path.display()));
    let read = read.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let write = write.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    namespaces();
    unprivileged()?;
    rustix::thread::set_no_new_privs(true).context("cannot give up new privileges")?;
    files(read, write)
}

fn limits() -> anyhow::Result<()> {
    let set = |resource, value: u64| {
        let limit = Rlimit { current: Some(value), maximum: Some(value) };
        setrlimit(resource, limit).with_context(|| format!("cannot limit {resource:?}"))
    };
    set(Resource::Core, 0)?;
    set(Resource::Cpu, CPU)?;
    set(Resource::Data, DATA)?;
    set(Resource::As, SPACE)?;
    set(Resource::Fsize, FILE)?;
    set(Resource::Nofile, DESCRIPTORS)
}

/// Leaves the network and what else is shared. Where the host does not let us, the filter still forbids sockets.
fn namespaces() {
    let shared = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS;
    if rustix::process::geteuid().is_root() {
        let _ = unshare(shared);
        return;
    }
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    if unshare(CloneFlags::CLONE_NEWUSER | shared).is_ok() {
        // Without a mapping its own files would be a stranger's. Each is written once or not at all.
        let _ = std::fs::write("/proc/self/setgroups", "deny");
        let _ = std::fs::write("/proc/self/uid_map", format!("{user} {user} 1"));
        let _ = std::fs::write("/proc/self/gid_map", format!("{group} {group} 1"));
    }
}

/// Root becomes nobody; everybody gives up what capabilities there are.
fn unprivileged() -> anyhow::Result<()> {
    if rustix::process::geteuid().is_root() {
        nix::unistd::setgroups(&[]).context("cannot leave the groups of root")?;
        let (user, group) = (nix::unistd::Uid::from_raw(NOBODY), nix::unistd::Gid::from_raw(NOBODY));
        nix::unistd::setresgid(group, group, group).context("cannot leave root's group")?;
        nix::unistd::setresuid(user, user, user).context("cannot stop being root")?;
    }
    let none = rustix::thread::CapabilitySets {
        effective: rustix::thread::CapabilitySet::empty(),
        permitted: rustix::thread::CapabilitySet::empty(),
        inheritable: rustix::thread::CapabilitySet::empty(),
    };
    rustix::thread::set_capabilities(None, none).context("cannot give up capabilities")
}

fn files(read: Vec<PathFd>, write: Vec<PathFd>) -> anyhow::Result<()> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI_REQUIRED))
        .context("Landlock is not to be had, or too old")?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI_WANTED))?
        .handle_access(AccessNet::from_all(ABI_WANTED))?
        .scope(Scope::from_all(ABI_WANTED))?
        .create()?;
    for directory in read {
        ruleset = ruleset.add_rule(PathBeneath::new(directory, AccessFs::from_read(ABI_WANTED)))?;
    }
    for directory in write {
        let access = AccessFs::from_all(ABI_WANTED) & !AccessFs::Execute & !AccessFs::MakeChar & !AccessFs::MakeBlock;
        ruleset = ruleset.add_rule(PathBeneath::new(directory, access))?;
    }
    match ruleset.restrict_self()?.ruleset {
        RulesetStatus::NotEnforced => Err(anyhow!("Landlock is not enforced by this kernel")),
        RulesetStatus::PartiallyEnforced | RulesetStatus::FullyEnforced => Ok(()),
    }
}

/// The filter: what is forbidden answers `EPERM`.
pub(super) fn filter() -> anyhow::Result<BpfProgram> {
    let calls = FORBIDDEN.iter().map(|call| (*call, Vec::new())).collect();
    let errno = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(calls, SeccompAction::Allow, errno, std::env::consts::ARCH.try_into()?)?;
    Ok(filter.try_into()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_builds_and_names_each_call_once() {
        assert!(!filter().unwrap().is_empty());
        let mut calls = FORBIDDEN.to_vec();
        calls.sort_unstable();
        calls.dedup();
        assert_eq!(calls.len(), FORBIDDEN.len());
    }
}
