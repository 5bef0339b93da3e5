//! `gauntlet launch`: takes abilities of the kernel away from this process and becomes another program.
//!
//! All of it happens in the process itself, so that no code runs between a fork and an exec: the filters stay over the exec, and so does
//! the signal at the parent's death.

mod confine;

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::{Context as _, anyhow};
use nix::libc;
use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

use crate::args::{Ability, Launch};
use crate::failure::Failure;

/// The flags that make namespaces, as `clone`, `unshare` and `setns` take them.
const KINDS: &[libc::c_int] = &[
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// Calls, and under which conditions on their arguments; no condition is always.
type Calls = BTreeMap<i64, Vec<SeccompRule>>;

pub(super) fn run(args: &Launch) -> Result<u8, Failure> {
    narrow(args).map_err(Failure::harness)?;
    let (program, arguments) =
        args.program.split_first().ok_or_else(|| Failure::usage(anyhow!("no program is named")))?;
    // Only a failure comes back from here.
    let error = Command::new(program).args(arguments).exec();
    let context = format!("cannot start `{}`", program.to_string_lossy());
    Err(Failure::usage(anyhow::Error::new(error).context(context)))
}

fn narrow(args: &Launch) -> anyhow::Result<()> {
    let parent = getppid();
    set_parent_process_death_signal(Some(Signal::KILL)).context("cannot ask to end with the parent")?;
    if getppid() != parent {
        // It died before the kernel was asked.
        return Err(anyhow!("the parent is gone"));
    }
    if args.new_session {
        // A process that leads its group already cannot start a session; its own is what it has then.
        let _ = rustix::process::setsid();
    }
    if args.confine {
        confine::narrow(&args.read, &args.write)?;
    }
    rustix::thread::set_no_new_privs(true).context("cannot give up new privileges")?;
    for filter in filters(&args.without).context("cannot build the filters")? {
        apply_filter(&filter).context("cannot apply the filters")?;
    }
    if args.confine {
        // Last: it forbids some of what was just done.
        apply_filter(&confine::filter()?).context("cannot apply the filters")?;
    }
    Ok(())
}

/// The filters that play a kernel without some abilities, one for each answer.
fn filters(without: &[Ability]) -> Result<Vec<BpfProgram>, BackendError> {
    let mut unknown = Calls::new();
    let mut forbidden = Calls::new();
    for ability in without {
        match ability {
            Ability::Landlock => {
                let calls =
                    [libc::SYS_landlock_create_ruleset, libc::SYS_landlock_add_rule, libc::SYS_landlock_restrict_self];
                unknown.extend(calls.map(|call| (call, Vec::new())));
            }
            Ability::Openat2 => {
                unknown.insert(libc::SYS_openat2, Vec::new());
            }
            Ability::Userns | Ability::Namespaces => {
                // A filter cannot look into the structure that this call takes; callers fall back to `clone`.
                unknown.insert(libc::SYS_clone3, Vec::new());
                let kinds = if *ability == Ability::Userns { &KINDS[..1] } else { KINDS };
                for (call, argument) in [(libc::SYS_clone, 0), (libc::SYS_unshare, 0), (libc::SYS_setns, 1)] {
                    let rules = kinds.iter().map(|kind| with_flag(argument, *kind)).collect::<Result<Vec<_>, _>>()?;
                    forbidden.entry(call).or_default().extend(rules);
                }
            }
        }
    }
    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    let answer = |calls: Calls, errno: libc::c_int| -> Result<BpfProgram, BackendError> {
        let errno = SeccompAction::Errno(errno.unsigned_abs());
        SeccompFilter::new(calls, SeccompAction::Allow, errno, arch)?.try_into()
    };
    let wanted = [(unknown, libc::ENOSYS), (forbidden, libc::EPERM)];
    wanted.into_iter().filter(|(calls, _)| !calls.is_empty()).map(|(calls, errno)| answer(calls, errno)).collect()
}

/// Calls whose argument has a flag among its bits.
fn with_flag(argument: u8, flag: libc::c_int) -> Result<SeccompRule, BackendError> {
    let flag = u64::from(flag.unsigned_abs());
    SeccompRule::new(vec![SeccompCondition::new(
        argument,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::MaskedEq(flag),
        flag,
    )?])
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn filters_build_for_every_set_of_abilities() {
        let all = Ability::value_variants();
        for bits in 0..1_usize << all.len() {
            let without: Vec<Ability> =
                all.iter().enumerate().filter(|(i, _)| bits & (1 << i) != 0).map(|(_, ability)| *ability).collect();
            let filters = filters(&without).unwrap();
            assert_eq!(filters.is_empty(), without.is_empty(), "{without:?}");
            // Both kinds of namespaces name the same calls twice, which must stay one filter.
            assert!(filters.len() <= 2, "{without:?}");
        }
    }
}
