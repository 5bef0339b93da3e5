//! The posture of the host: what the kernel, its settings and the caller's own state say, as far as files show it.
//!
//! What only the executor can find out, namely what it can use of the kernel for its jail, comes as data in [`Host`]. Everything else is
//! read below a root folder, so that a test can play another host. A file that cannot be read is unknown, never sound.

mod files;
mod host;
mod kernel;
mod process;

use std::path::Path;

use gauntlet_record::{Granted, Host};

use crate::model::{Check, State};
use files::Files;

/// Looks at the host `here`, whose `/proc` and `/sys` lie below `root`, for a record that was made on the host `recorded`. Is that another
/// one, then what its record tells of it is all that is known.
#[must_use]
pub fn posture(root: &Path, here: &Host, recorded: &Host) -> Vec<Check> {
    let known = |host: &Host| (host.os.clone(), host.kernel.clone(), host.arch.clone(), host.cores, host.memory);
    if known(here) == known(recorded) {
        return look(root, here);
    }
    let told = |id: &str| {
        id == "posture/user" || recorded.mechanisms.iter().any(|found| id == format!("posture/{}", found.name))
    };
    let mut checks = look(root, recorded);
    for check in checks.iter_mut().filter(|check| !told(&check.id)) {
        check.state = State::Unknown;
        check.says = "the record is of another host, whose files were not read".to_owned();
    }
    checks
}

fn look(root: &Path, host: &Host) -> Vec<Check> {
    if host.os != "linux" {
        return vec![Check::new(
            "posture/system",
            "The system confines workers",
            State::Fails,
            format!("on {} nothing of the worker's jail can be held", host.os),
            "target of this build",
        )];
    }
    let files = Files::below(root);
    let mut checks: Vec<Check> = mechanisms(host);
    checks.extend(kernel::checks(&files, host));
    checks.extend(host::checks(&files));
    checks.extend(process::checks(&files, host));
    checks
}

/// What the executor found that it can use.
fn mechanisms(host: &Host) -> Vec<Check> {
    const NAMES: [(&str, &str); 5] = [
        ("process", "Workers run in a process of their own"),
        ("seccomp", "Filters on system calls can be installed"),
        ("landlock", "Landlock can be used"),
        ("namespaces", "Namespaces can be made"),
        ("cgroup", "A control group can be used"),
    ];
    let of = |(name, title): (&str, &str)| {
        let id = format!("posture/{name}");
        match host.mechanisms.iter().find(|mechanism| mechanism.name == name) {
            None => Check::new(&id, title, State::Unknown, "the executor did not tell", "gauntlet doctor"),
            Some(found) => {
                let state = match found.granted {
                    Granted::Full => State::Holds,
                    Granted::Partial | Granted::None => State::Fails,
                };
                let remedy = found.remedy.as_ref().map(|remedy| format!("; to get it: {remedy}")).unwrap_or_default();
                Check::new(&id, title, state, format!("{}{remedy}", found.note), "gauntlet doctor")
            }
        }
    };
    NAMES.into_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use gauntlet_record::Mechanism;

    use super::*;

    fn host() -> Host {
        let full =
            |name: &str| Mechanism { name: name.into(), granted: Granted::Full, note: "there".into(), remedy: None };
        Host {
            os: "linux".into(),
            kernel: "6.1.0".into(),
            arch: "x86_64".into(),
            cores: 2,
            memory: 1 << 30,
            root: false,
            mechanisms: ["process", "seccomp", "landlock"].map(full).to_vec(),
        }
    }

    fn put(root: &Path, name: &str, text: &str) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn state(checks: &[Check], id: &str) -> State {
        checks.iter().find(|check| check.id == id).unwrap_or_else(|| panic!("no `{id}`: {checks:#?}")).state
    }

    #[test]
    fn an_empty_host_is_unknown_and_nothing_holds_on_it_but_what_was_told() {
        let root = tempfile::tempdir().unwrap();
        let checks = look(root.path(), &host());
        let holding: Vec<&str> =
            checks.iter().filter(|check| check.state == State::Holds).map(|check| check.id.as_str()).collect();
        assert_eq!(
            holding,
            ["posture/process", "posture/seccomp", "posture/landlock", "posture/openat2", "posture/user"]
        );
        assert_eq!(state(&checks, "posture/namespaces"), State::Unknown);
    }

    #[test]
    fn a_sound_host_is_read() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        put(root, "sys/kernel/security/lsm", "lockdown,capability,landlock,yama,apparmor");
        put(root, "proc/self/attr/current", "gauntlet (enforce)\n");
        put(root, "sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n");
        put(root, "proc/self/cgroup", "0::/user.slice\n");
        put(root, "sys/devices/system/cpu/vulnerabilities/spectre_v2", "Mitigation: Enhanced IBRS\n");
        put(root, "sys/devices/system/cpu/vulnerabilities/meltdown", "Not affected\n");
        put(root, "sys/devices/system/cpu/smt/active", "0\n");
        put(root, "sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
        put(root, "proc/sys/kernel/randomize_va_space", "2\n");
        put(root, "proc/sys/kernel/yama/ptrace_scope", "1\n");
        put(root, "proc/self/status", "Name:\tx\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n");
        put(root, "run/.containerenv", "");
        let checks = look(root, &host());
        for id in [
            "lsm",
            "cgroup-version",
            "cpu-vulnerabilities",
            "smt",
            "clock-source",
            "address-layout",
            "ptrace",
            "capabilities",
            "container",
            "no-new-privileges",
            "user",
        ] {
            assert_eq!(state(&checks, &format!("posture/{id}")), State::Holds, "{id}: {checks:#?}");
        }
    }

    #[test]
    fn a_weak_host_is_told_by_name() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        put(root, "sys/kernel/security/lsm", "capability");
        put(root, "sys/devices/system/cpu/vulnerabilities/spectre_v2", "Vulnerable: no microcode\n");
        put(root, "sys/devices/system/cpu/vulnerabilities/meltdown", "Not affected\n");
        put(root, "proc/self/cgroup", "4:memory:/\n");
        put(root, "proc/self/status", "CapEff:\t000001ffffffffff\n");
        let checks = look(root, &Host { root: true, ..host() });
        for id in ["lsm", "cpu-vulnerabilities", "cgroup-version", "capabilities", "user"] {
            assert_eq!(state(&checks, &format!("posture/{id}")), State::Fails, "{id}: {checks:#?}");
        }
        let cpu = checks.iter().find(|check| check.id == "posture/cpu-vulnerabilities").unwrap();
        assert!(cpu.says.contains("spectre_v2"), "{cpu:?}");
    }

    #[test]
    fn of_another_host_only_what_its_record_tells_is_known() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "proc/sys/kernel/randomize_va_space", "2\n");
        let recorded = Host { kernel: "5.4.0".into(), ..host() };
        let checks = posture(root.path(), &host(), &recorded);
        assert_eq!(state(&checks, "posture/address-layout"), State::Unknown);
        assert_eq!(state(&checks, "posture/landlock"), State::Holds);
        assert_eq!(state(&posture(root.path(), &host(), &host()), "posture/address-layout"), State::Holds);
    }

    #[test]
    fn another_system_holds_nothing() {
        let checks = look(Path::new("/"), &Host { os: "macos".into(), ..host() });
        assert!(checks.iter().all(|check| check.state == State::Fails), "{checks:?}");
    }
}
