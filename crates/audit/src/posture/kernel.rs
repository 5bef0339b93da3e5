//! The kernel: its release, what it offers besides the jail, its settings, its answers to faults of the processor.

use gauntlet_record::Host;

use super::files::{Files, told};
use crate::model::{Check, State};

pub(super) fn checks(files: &Files, host: &Host) -> Vec<Check> {
    vec![
        release(host),
        openat2(host),
        lsm(files),
        setting(
            files,
            "posture/address-layout",
            "Addresses are randomised",
            "proc/sys/kernel/randomize_va_space",
            |value| value == 2,
        ),
        setting(
            files,
            "posture/ptrace",
            "Processes cannot trace their siblings",
            "proc/sys/kernel/yama/ptrace_scope",
            |value| value >= 1,
        ),
        setting(
            files,
            "posture/kernel-pointers",
            "The kernel hides its addresses",
            "proc/sys/kernel/kptr_restrict",
            |value| value >= 1,
        ),
        setting(
            files,
            "posture/bpf",
            "Only privileged users load BPF programs",
            "proc/sys/kernel/unprivileged_bpf_disabled",
            |value| value >= 1,
        ),
        setting(
            files,
            "posture/perf",
            "Performance counters of other processes are closed",
            "proc/sys/kernel/perf_event_paranoid",
            |value| value >= 2,
        ),
        user_namespaces(files),
        cpu(files),
        smt(files),
        clock(files),
    ]
}

/// A number of `/proc/sys` and whether it is as it should be.
fn setting(files: &Files, id: &str, title: &str, name: &str, good: fn(i64) -> bool) -> Check {
    let source = format!("/{name}");
    match files.number(name) {
        None => Check::new(id, title, State::Unknown, "not there, or not to be read", source),
        Some(value) => Check::new(
            id,
            title,
            if good(value) { State::Holds } else { State::Fails },
            format!("it is {value}"),
            source,
        ),
    }
}

fn release(host: &Host) -> Check {
    let says = format!("{} {} on {}, {} cores", host.os, host.kernel, host.arch, host.cores);
    Check::new("posture/kernel", "The kernel's release", State::Told, says, "uname")
}

/// `openat2` and its `RESOLVE_BENEATH` came with Linux 5.6; the release tells, a filter in between does not show.
fn openat2(host: &Host) -> Check {
    const TITLE: &str = "The kernel resolves paths beneath a directory";
    let mut numbers = host.kernel.split(['.', '-', '+']).map(|part| part.parse::<u32>().ok());
    let (state, says) = match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) if (major, minor) >= (5, 6) => {
            (State::Holds, format!("openat2 is in {} (from 5.6 on)", host.kernel))
        }
        (Some(_), Some(_)) => (State::Fails, format!("openat2 is not in {} (from 5.6 on)", host.kernel)),
        _ => (State::Unknown, format!("`{}` tells no release", told(&host.kernel))),
    };
    Check::new("posture/openat2", TITLE, state, says, "openat2(2)")
}

/// Whether AppArmor or SELinux holds this process. That a module is loaded holds nothing yet.
fn lsm(files: &Files) -> Check {
    const TITLE: &str = "AppArmor or SELinux confines this process";
    let source = "/sys/kernel/security/lsm, /proc/self/attr/current";
    let current = files.text("proc/self/attr/current").filter(|label| !label.is_empty());
    let modules = files.text("sys/kernel/security/lsm");
    let enforcing = files.number("sys/fs/selinux/enforce") == Some(1);
    let (state, says) = match (&modules, &current) {
        (_, Some(label)) if label.ends_with("(enforce)") => (State::Holds, format!("AppArmor: {}", told(label))),
        (_, Some(label)) if enforcing && label.contains(':') && !label.contains("unconfined") => {
            (State::Holds, format!("SELinux, enforcing: {}", told(label)))
        }
        (_, Some(label)) => (State::Fails, format!("its label is `{}`, which confines nothing", told(label))),
        (Some(modules), None) => {
            (State::Fails, format!("the kernel runs {}, and none of these labels this process", told(modules)))
        }
        (None, None) => (State::Unknown, "the kernel does not tell which modules it runs".to_owned()),
    };
    Check::new("posture/lsm", TITLE, state, says, source)
}

fn user_namespaces(files: &Files) -> Check {
    let most = files.number("proc/sys/user/max_user_namespaces");
    let restricted = files.number("proc/sys/kernel/apparmor_restrict_unprivileged_userns") == Some(1)
        || files.number("proc/sys/kernel/unprivileged_userns_clone") == Some(0);
    let says = match (most, restricted) {
        (Some(0), _) => "none may be made".to_owned(),
        (_, true) => "unprivileged users may not make them".to_owned(),
        (Some(most), false) => format!("up to {most}, unprivileged users too"),
        (None, false) => "not told".to_owned(),
    };
    Check::new("posture/user-namespaces", "User namespaces", State::Told, says, "/proc/sys/user/max_user_namespaces")
}

/// What the kernel does about faults of the processor.
fn cpu(files: &Files) -> Check {
    const FOLDER: &str = "sys/devices/system/cpu/vulnerabilities";
    const TITLE: &str = "Known faults of the processor are mitigated";
    let told: Vec<(String, String)> = files
        .names(FOLDER)
        .into_iter()
        .filter_map(|name| {
            let text = files.text(&format!("{FOLDER}/{name}"))?;
            Some((told(&name), told(&text)))
        })
        .collect();
    let open: Vec<String> = told
        .iter()
        .filter(|(_, text)| !(text == "Not affected" || text.starts_with("Mitigation:")))
        .map(|(name, text)| format!("{name}: {text}"))
        .collect();
    let (state, says) = match (told.as_slice(), open.as_slice()) {
        ([], _) => (State::Unknown, "the kernel tells nothing of them".to_owned()),
        (told, []) => (State::Holds, format!("{} are looked after, or do not concern this processor", told.len())),
        (_, open) => (State::Fails, open.join("; ")),
    };
    Check::new("posture/cpu-vulnerabilities", TITLE, state, says, format!("/{FOLDER}"))
}

fn smt(files: &Files) -> Check {
    const NAME: &str = "sys/devices/system/cpu/smt/active";
    let (state, says) = match files.number(NAME) {
        Some(0) => (State::Holds, "no two threads share a core"),
        Some(_) => (State::Fails, "two threads share a core: a guest may measure its neighbour"),
        None => (State::Unknown, "not told"),
    };
    Check::new("posture/smt", "Guests do not share a core with others", state, says, format!("/{NAME}"))
}

fn clock(files: &Files) -> Check {
    const NAME: &str = "sys/devices/system/clocksource/clocksource0/current_clocksource";
    let (state, says) = match files.text(NAME) {
        Some(name) if !name.is_empty() => (State::Holds, format!("{}; deadlines are as good as it is", told(&name))),
        _ => (State::Unknown, "not told".to_owned()),
    };
    Check::new("posture/clock-source", "The kernel has a clock source", state, says, format!("/{NAME}"))
}
