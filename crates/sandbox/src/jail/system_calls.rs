//! The filter on system calls: an allow-list as data, one line a call with its reason. Everything else kills the process.

use std::collections::BTreeMap;

use gauntlet_record::{Confinement, Granted};
use nix::libc;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};

use super::{Needs, confinement};

/// When a call is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    /// With granted directories or addresses: their operations wait in threads of their own.
    Threads,
    /// With granted directories.
    Files,
    /// With granted directories that can be written.
    Writes,
    /// With granted addresses.
    Network,
    /// With compiled code read from the cache.
    Cache,
}

use When::{Always, Cache, Files, Network, Threads, Writes};

/// The calls that a worker makes after it has narrowed itself.
const ALLOWED: &[(libc::c_long, When, &str)] = &[
    (libc::SYS_read, Always, "the job arrives on a pipe; granted files"),
    (libc::SYS_write, Always, "output and outcome leave on a pipe; granted files"),
    (libc::SYS_close, Always, "pipes and files end"),
    (libc::SYS_mmap, Always, "heap, stacks, linear memory, compiled code"),
    (libc::SYS_munmap, Always, "the same, given back"),
    (libc::SYS_mprotect, Always, "linear memory grows, compiled code is made executable"),
    (libc::SYS_madvise, Always, "memory is reset, transparent huge pages"),
    (libc::SYS_mremap, Always, "large allocations grow"),
    (libc::SYS_brk, Always, "heap"),
    (libc::SYS_futex, Always, "locks between the guest's thread and the ticker"),
    (libc::SYS_rt_sigprocmask, Always, "signals are blocked while threads start and end"),
    (libc::SYS_rt_sigreturn, Always, "a trap returns from its signal handler"),
    (libc::SYS_sigaltstack, Always, "threads have a stack for signal handlers"),
    (libc::SYS_exit, Always, "a thread ends"),
    (libc::SYS_exit_group, Always, "the process ends"),
    (libc::SYS_clock_gettime, Always, "clocks, where the kernel does not map them"),
    (libc::SYS_clock_nanosleep, Always, "the ticker waits"),
    (libc::SYS_getrandom, Always, "random numbers for the guest and for hash tables"),
    (libc::SYS_sched_yield, Always, "locks that spin"),
    (libc::SYS_getpid, Always, "a panic that aborts names its process"),
    (libc::SYS_gettid, Always, "a panic that aborts names its thread"),
    (
        libc::SYS_clone3,
        Threads,
        "answered with ENOSYS by a second filter, so that `clone` is used, whose flags can be read",
    ),
    (libc::SYS_rseq, Threads, "a thread starts"),
    (libc::SYS_set_robust_list, Threads, "a thread starts"),
    (libc::SYS_sched_getaffinity, Threads, "a thread looks up its stack"),
    (libc::SYS_prctl, Threads, "a thread gets its name"),
    (libc::SYS_rt_sigaction, Threads, "the handler for a full stack is looked up"),
    (libc::SYS_openat, Files, "files of the grant, where openat2 is missing"),
    (libc::SYS_openat2, Files, "files of the grant, never above it"),
    (libc::SYS_fstat, Files, "kind and size of a file"),
    (libc::SYS_newfstatat, Files, "kind and size of a file by name"),
    (libc::SYS_statx, Files, "kind, size and times of a file"),
    (libc::SYS_lseek, Files, "position in a file"),
    (libc::SYS_pread64, Files, "reading at a position"),
    (libc::SYS_readv, Files, "reading into several buffers"),
    (libc::SYS_preadv, Files, "the same at a position"),
    (libc::SYS_getdents64, Files, "listing a directory"),
    (libc::SYS_readlinkat, Files, "links are resolved by hand where openat2 is missing"),
    (libc::SYS_fcntl, Threads, "descriptors are duplicated, flags are read and set"),
    (libc::SYS_dup, Files, "descriptors are duplicated"),
    (libc::SYS_fadvise64, Files, "the guest announces how it will read"),
    (libc::SYS_faccessat, Files, "a path is looked at before it is opened"),
    (libc::SYS_faccessat2, Files, "the same, where openat2 lost a race and the path is walked by hand"),
    // By a descriptor that was opened to read, the kernel answers these with an error, which the guest is to see.
    (libc::SYS_pwrite64, Files, "writing at a position"),
    (libc::SYS_writev, Files, "writing from several buffers"),
    (libc::SYS_pwritev, Files, "the same at a position"),
    (libc::SYS_pwritev2, Files, "the same at the end"),
    (libc::SYS_fsync, Files, "a file is written back"),
    (libc::SYS_fdatasync, Files, "a file's data is written back"),
    (libc::SYS_ftruncate, Writes, "a file is cut or extended"),
    (libc::SYS_fallocate, Writes, "room is reserved for a file"),
    (libc::SYS_utimensat, Writes, "times of a file"),
    (libc::SYS_mkdirat, Writes, "a directory is made"),
    (libc::SYS_unlinkat, Writes, "a file or directory is removed"),
    (libc::SYS_renameat, Writes, "a file is renamed"),
    (libc::SYS_renameat2, Writes, "a file is renamed"),
    (libc::SYS_linkat, Writes, "a link is made"),
    (libc::SYS_symlinkat, Writes, "a link is made"),
    (libc::SYS_socket, Network, "a socket for a granted address"),
    (libc::SYS_connect, Network, "connecting to a granted address"),
    (libc::SYS_bind, Network, "the local end of a connection"),
    (libc::SYS_getsockname, Network, "the local address"),
    (libc::SYS_getpeername, Network, "the remote address"),
    (libc::SYS_getsockopt, Network, "the state of a connection"),
    (libc::SYS_setsockopt, Network, "options of a connection"),
    (libc::SYS_sendto, Network, "sending"),
    (libc::SYS_recvfrom, Network, "receiving"),
    (libc::SYS_sendmsg, Network, "sending"),
    (libc::SYS_recvmsg, Network, "receiving"),
    (libc::SYS_shutdown, Network, "a connection ends"),
    (libc::SYS_epoll_create1, Network, "waiting for sockets"),
    (libc::SYS_epoll_ctl, Network, "waiting for sockets"),
    (libc::SYS_epoll_pwait, Network, "waiting for sockets"),
    (libc::SYS_eventfd2, Network, "a waiting thread is woken"),
    (libc::SYS_ioctl, Network, "sockets are set not to block"),
    (libc::SYS_getpriority, Cache, "the cache's own thread steps back"),
    (libc::SYS_setpriority, Cache, "the same"),
];

/// Calls that only this architecture has.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[(libc::c_long, When, &str)] = &[
    (libc::SYS_poll, Network, "waiting for one descriptor"),
    (libc::SYS_epoll_wait, Network, "waiting for sockets"),
    (libc::SYS_rename, Writes, "a file is renamed"),
    (libc::SYS_mkdir, Writes, "the cache of compiled code makes its directory"),
    (libc::SYS_unlink, Writes, "the same cache removes what it began"),
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[(libc::c_long, When, &str)] = &[(libc::SYS_ppoll, Network, "waiting for one descriptor")];

/// Flags without which `clone` would make a process and not a thread.
const THREAD_FLAGS: u64 = (libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND) as u64;

/// Applies the filter to all threads of this process.
pub(crate) fn narrow(needs: Needs) -> Confinement {
    let apply = || -> Result<usize, Box<dyn std::error::Error>> {
        let (list, answered) = programs(needs)?;
        for program in &answered {
            apply_filter_all_threads(program)?;
        }
        apply_filter_all_threads(&list)?;
        Ok(list.len())
    };
    match apply() {
        Ok(length) => {
            confinement("seccomp", Granted::Full, format!("allow-list, {length} instructions, everything else kills"))
        }
        Err(error) => confinement("seccomp", Granted::None, error.to_string()),
    }
}

/// The allow-list, and the filters that answer some of the listed calls with an error.
fn programs(needs: Needs) -> Result<(BpfProgram, Vec<BpfProgram>), BackendError> {
    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    let threads = needs.files || needs.network || needs.cache;
    let allowed = |when: When| match when {
        Always => true,
        Threads => threads,
        Files => needs.files || needs.cache,
        Writes => needs.writes,
        Network => needs.network,
        Cache => needs.cache,
    };
    // The cache's own thread counts how often code was used. It may not here, and takes that for an answer.
    let refused = |when: When| when == Writes && needs.cache && !needs.writes;
    let every = || ALLOWED.iter().chain(ALLOWED_HERE);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        every().filter(|(_, when, _)| allowed(*when) || refused(*when)).map(|(call, ..)| (*call, Vec::new())).collect();
    // A fault inside the worker has to show as what it is: the process may send signals, to itself alone.
    let own = u64::from(std::process::id());
    let to_self = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, own)?;
    rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![to_self])?]);
    if threads {
        let thread =
            SeccompCondition::new(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(THREAD_FLAGS), THREAD_FLAGS)?;
        rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![thread])?]);
    }
    let list = SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, arch)?.try_into()?;
    let answer = |calls: BTreeMap<i64, Vec<SeccompRule>>, errno: libc::c_int| -> Result<BpfProgram, BackendError> {
        let errno = SeccompAction::Errno(errno.unsigned_abs());
        SeccompFilter::new(calls, SeccompAction::Allow, errno, arch)?.try_into()
    };
    let mut answered = Vec::new();
    if threads {
        answered.push(answer(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)?);
    }
    let calls: BTreeMap<i64, Vec<SeccompRule>> =
        every().filter(|(_, when, _)| refused(*when)).map(|(call, ..)| (*call, Vec::new())).collect();
    if !calls.is_empty() {
        answered.push(answer(calls, libc::EROFS)?);
    }
    Ok((list, answered))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_call_stands_once_and_has_a_reason() {
        let mut seen = BTreeSet::new();
        for (call, _, reason) in ALLOWED.iter().chain(ALLOWED_HERE) {
            assert!(seen.insert(*call), "{call} stands twice");
            assert!(!reason.is_empty());
        }
    }

    #[test]
    fn filters_build_for_every_need() {
        for bits in 0..16_u8 {
            let needs =
                Needs { files: bits & 1 != 0, writes: bits & 2 != 0, network: bits & 4 != 0, cache: bits & 8 != 0 };
            assert!(programs(needs).is_ok(), "{needs:?}");
        }
    }

    #[test]
    fn nothing_that_leaves_the_process_is_on_the_list() {
        let never = [
            libc::SYS_execve,
            libc::SYS_execveat,
            libc::SYS_ptrace,
            libc::SYS_kill,
            libc::SYS_mount,
            libc::SYS_unshare,
            libc::SYS_setns,
        ];
        assert!(ALLOWED.iter().chain(ALLOWED_HERE).all(|(call, ..)| !never.contains(call)));
    }
}
