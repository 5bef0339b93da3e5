//! Who runs this, and with what.

use gauntlet_record::Host;

use super::files::{Files, told};
use crate::model::{Check, State};

const STATUS: &str = "proc/self/status";

pub(super) fn checks(files: &Files, host: &Host) -> Vec<Check> {
    vec![user(host), capabilities(files), no_new_privileges(files), filter(files), limits(files)]
}

fn user(host: &Host) -> Check {
    let (state, says) = if host.root { (State::Fails, "root") } else { (State::Holds, "an ordinary user") };
    Check::new("posture/user", "An ordinary user runs this", state, says, "effective user id")
}

fn capabilities(files: &Files) -> Check {
    const TITLE: &str = "The caller holds no capability";
    let (state, says) = match files.field(STATUS, "CapEff").and_then(|mask| u64::from_str_radix(&mask, 16).ok()) {
        None => (State::Unknown, "not told".to_owned()),
        Some(0) => (State::Holds, "none".to_owned()),
        Some(mask) => (State::Fails, format!("{} in effect ({mask:#x})", mask.count_ones())),
    };
    Check::new("posture/capabilities", TITLE, state, says, "/proc/self/status, CapEff")
}

fn no_new_privileges(files: &Files) -> Check {
    const TITLE: &str = "The caller can gain no privileges";
    let (state, says) = match files.field(STATUS, "NoNewPrivs").as_deref() {
        Some("1") => (State::Holds, "no_new_privs is set; workers set it in any case"),
        Some(_) => (State::Fails, "no_new_privs is not set for the caller; workers set it in any case"),
        None => (State::Unknown, "not told"),
    };
    Check::new("posture/no-new-privileges", TITLE, state, says, "/proc/self/status, NoNewPrivs")
}

fn filter(files: &Files) -> Check {
    let says = match files.field(STATUS, "Seccomp").as_deref() {
        Some("2") => "a filter stands around the caller already",
        Some("1") => "strict mode",
        Some(_) => "no filter stands around the caller; workers install their own",
        None => "not told",
    };
    Check::new(
        "posture/caller-filter",
        "A filter on the caller's system calls",
        State::Told,
        says,
        "/proc/self/status, Seccomp",
    )
}

/// The limits that workers start from.
fn limits(files: &Files) -> Check {
    let wanted = ["Max processes", "Max open files", "Max core file size", "Max address space", "Max cpu time"];
    let text = files.text("proc/self/limits");
    let says = text.map_or_else(
        || "not told".to_owned(),
        |text| {
            let found = wanted.iter().filter_map(|name| {
                let line = text.lines().find(|line| line.starts_with(name))?;
                let soft = line[name.len()..].split_whitespace().next()?;
                Some(format!("{} {soft}", name.trim_start_matches("Max ")))
            });
            told(&found.collect::<Vec<_>>().join(", "))
        },
    );
    Check::new("posture/limits", "The caller's limits", State::Told, says, "/proc/self/limits")
}
