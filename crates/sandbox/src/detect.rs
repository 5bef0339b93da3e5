//! What this host can enforce of the worker's jail, why not, and how to get it.

use std::fs;
use std::path::Path;

use crate::jail::groups::Group;
use gauntlet_record::{Granted, Mechanism};
use landlock::{ABI, Access as _, AccessFs, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _};

/// Memory that this process may use, in bytes: the host's, or less where one of its control groups says so.
///
/// Read are the limits of this process's own group and of every group above it, of both versions: the smallest holds.
#[must_use]
pub fn host_memory() -> u64 {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    memory_within(&read("/proc/meminfo"), &read("/proc/self/cgroup"), Path::new("/sys/fs/cgroup"))
}

/// The smallest of the host's memory and the limits of the groups, which are mounted below `mounted`.
fn memory_within(meminfo: &str, groups: &str, mounted: &Path) -> u64 {
    let total = meminfo.lines().find_map(|line| {
        line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
    });
    let mut least = total.unwrap_or(0);
    // Version 1 has a tree for memory alone; version 2 has one tree, which stands below `unified` where both are mounted.
    let trees = [("memory", "memory.limit_in_bytes"), ("", "memory.max"), ("unified", "memory.max")];
    for (tree, file) in trees {
        let root = if tree.is_empty() { mounted.to_owned() } else { mounted.join(tree) };
        // A namespace of control groups, or a container that mounts only its own, shows the group as the root.
        let mut group = root.join(own_group(groups, tree == "memory").trim_start_matches('/'));
        if !group.starts_with(&root) || group.components().any(|part| part == std::path::Component::ParentDir) {
            group.clone_from(&root);
        }
        while group.starts_with(&root) {
            // `max` is no number, and an unlimited group of version 1 is larger than any host.
            let limit = fs::read_to_string(group.join(file)).ok().and_then(|text| text.trim().parse::<u64>().ok());
            if let Some(limit) = limit {
                least = if total.is_none() && least == 0 { limit } else { least.min(limit) };
            }
            if !group.pop() {
                break;
            }
        }
    }
    least
}

/// The path of this process's own group: that of the memory controller of version 1, or that of version 2.
fn own_group(groups: &str, first: bool) -> &str {
    let found = groups.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let matches = if first {
            controllers.split(',').any(|controller| controller == "memory")
        } else {
            number == "0" && controllers.is_empty()
        };
        matches.then_some(path)
    });
    found.unwrap_or("/")
}

/// Every mechanism of the jail, as this host offers it.
#[must_use]
pub fn mechanisms() -> Vec<Mechanism> {
    DETECTORS.iter().map(|(_, detect)| detect()).collect()
}

/// Looks for one mechanism.
type Detect = fn() -> Mechanism;

/// How each mechanism is looked for, in the order in which policies name them.
const DETECTORS: &[(&str, Detect)] = &[
    ("process", process),
    ("seccomp", seccomp),
    ("landlock", landlock),
    ("namespaces", namespaces),
    ("cgroup", cgroup),
];

/// One mechanism; looking for all of them takes longer than a short run does.
pub(crate) fn mechanism_named(name: &str) -> Option<Mechanism> {
    DETECTORS.iter().find(|(named, _)| *named == name).map(|(_, detect)| detect())
}

fn mechanism(name: &str, granted: Granted, note: impl Into<String>, remedy: Option<&str>) -> Mechanism {
    Mechanism { name: name.into(), granted, note: note.into(), remedy: remedy.map(str::to_owned) }
}

fn process() -> Mechanism {
    match std::env::current_exe() {
        Ok(_) => mechanism("process", Granted::Full, "workers are started from this executable", None),
        Err(error) => mechanism(
            "process",
            Granted::None,
            format!("this executable cannot be found: {error}"),
            Some("mount /proc"),
        ),
    }
}

fn seccomp() -> Mechanism {
    let remedy = "a kernel with CONFIG_SECCOMP_FILTER, and a container runtime that lets filters be installed";
    match fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail") {
        Ok(actions) if actions.split_whitespace().any(|action| action == "kill_process") => {
            mechanism("seccomp", Granted::Full, "filters can kill the process", None)
        }
        Ok(_) => mechanism("seccomp", Granted::Partial, "filters cannot kill the process", Some(remedy)),
        Err(error) => mechanism("seccomp", Granted::None, format!("no filters: {error}"), Some(remedy)),
    }
}

fn landlock() -> Mechanism {
    let remedy = "a kernel of 6.12 or later with `landlock` in its `lsm=` list";
    match landlock_abi() {
        0 => mechanism("landlock", Granted::None, "not enabled in this kernel", Some(remedy)),
        abi @ 1..=3 => {
            mechanism("landlock", Granted::Partial, format!("ABI {abi}: files only, no network ports"), Some(remedy))
        }
        abi => mechanism("landlock", Granted::Full, format!("ABI {abi} or later: files and network ports"), None),
    }
}

/// The highest version of Landlock's interface, up to 6, that this kernel takes; 0 is none. Makes rulesets and applies none.
pub(crate) fn landlock_abi() -> u8 {
    let versions = [(6, ABI::V6), (5, ABI::V5), (4, ABI::V4), (3, ABI::V3), (2, ABI::V2), (1, ABI::V1)];
    let takes = |abi: ABI| {
        let ruleset =
            Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(AccessFs::from_all(abi));
        let ruleset = match abi {
            ABI::V4 | ABI::V5 | ABI::V6 => {
                ruleset.and_then(|ruleset| ruleset.handle_access(landlock::AccessNet::from_all(abi)))
            }
            _ => ruleset,
        };
        let ruleset = match abi {
            ABI::V6 => ruleset.and_then(|ruleset| ruleset.scope(landlock::Scope::from_all(abi))),
            _ => ruleset,
        };
        ruleset.and_then(Ruleset::create).is_ok()
    };
    versions.into_iter().find(|(_, abi)| takes(*abi)).map_or(0, |(number, _)| number)
}

fn namespaces() -> Mechanism {
    let number = |path: &str| fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u64>().ok());
    let root = rustix::process::geteuid().is_root();
    if number("/proc/sys/user/max_user_namespaces") == Some(0) {
        let remedy = "sysctl user.max_user_namespaces=10000";
        return mechanism("namespaces", Granted::None, "user namespaces are switched off", Some(remedy));
    }
    if !root && number("/proc/sys/kernel/unprivileged_userns_clone") == Some(0) {
        let remedy = "sysctl kernel.unprivileged_userns_clone=1";
        return mechanism("namespaces", Granted::None, "not for unprivileged users", Some(remedy));
    }
    if !root && number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == Some(1) {
        let remedy = "an AppArmor profile that allows `userns` for this executable";
        return mechanism("namespaces", Granted::None, "AppArmor keeps them from unprivileged users", Some(remedy));
    }
    mechanism("namespaces", Granted::Full, "user, pid, mount, network, ipc, uts", None)
}

/// Makes a group and removes it: what a host really delegates shows in no file.
fn cgroup() -> Mechanism {
    let made = Group::make(1, Some(1 << 30)).report().clone();
    let remedy = "a delegated group, for example `systemd-run --user --scope -p Delegate=yes`, or root with version 1";
    let remedy = (made.granted != Granted::Full).then_some(remedy);
    mechanism("cgroup", made.granted, made.note, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mechanism_of_the_policy_is_detected() {
        let found: Vec<String> = mechanisms().into_iter().map(|mechanism| mechanism.name).collect();
        let asked: Vec<&str> =
            gauntlet_policy::Isolation::default().mechanisms().iter().map(|(name, _)| *name).collect();
        assert_eq!(found, asked);
    }

    #[test]
    fn what_is_missing_comes_with_a_remedy() {
        for mechanism in mechanisms().into_iter().filter(|mechanism| mechanism.granted == Granted::None) {
            assert!(mechanism.remedy.is_some(), "{mechanism:?}");
        }
    }

    #[test]
    fn the_hosts_memory_is_known() {
        assert!(host_memory() > 64 << 20);
    }

    /// A tree of files, each with its text, below a directory of its own.
    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    const MEMINFO: &str = "MemTotal:        1000 kB\nMemFree:          10 kB\n";

    #[test]
    fn the_smallest_limit_on_the_way_up_holds() {
        let version2 = tree(&[
            ("memory.max", "max\n"),
            ("a.slice/memory.max", "300000\n"),
            ("a.slice/b.scope/memory.max", "max\n"),
            ("other/memory.max", "1\n"),
        ]);
        assert_eq!(memory_within(MEMINFO, "0::/a.slice/b.scope\n", version2.path()), 300_000);
        assert_eq!(memory_within(MEMINFO, "0::/\n", version2.path()), 1_024_000);
        let version1 = tree(&[
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory/docker/memory.limit_in_bytes", "500000\n"),
            ("memory/docker/abc/memory.limit_in_bytes", "400000\n"),
        ]);
        let groups = "5:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/\n";
        assert_eq!(memory_within(MEMINFO, groups, version1.path()), 400_000);
    }

    #[test]
    fn a_container_that_shows_its_group_as_the_root_is_seen() {
        let root = tree(&[("memory.max", "200000\n")]);
        assert_eq!(memory_within(MEMINFO, "0::/docker/of/the/host\n", root.path()), 200_000);
        assert_eq!(memory_within(MEMINFO, "0::/../../outside\n", root.path()), 200_000);
        assert_eq!(memory_within("", "nonsense", root.path()), 200_000);
        assert_eq!(memory_within(MEMINFO, "", Path::new("/nonexistent")), 1_024_000);
    }
}
