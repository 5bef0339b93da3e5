//! What no sequence may bring about. All of these are asked at every sequence, but for the last, which takes a second run.

use gauntlet_policy::Policy;
use gauntlet_record::{Cause, Ending, LimitKey};
use gauntlet_target::Outcome;
use memchr::memmem;

use super::encode::{CENSUS, CENSUS_COUNT, CENSUS_STRIDE};
use super::runner::{Execution, finding, is_errno};
use super::world::{FIRST_NAMES, Open, Swept, World};
use crate::Finding;

/// The oracle that compares two runs.
pub(super) const SAME: &str = "same-sequence-same-trace";

/// Every oracle over sequences: its id, and what holds of every sound sandbox.
pub const ORACLES: &[(&str, &str)] = &[
    ("descriptor-outside-grant", "no descriptor that the guest has opened leads out of the granted folders"),
    ("outside-changed", "names, size, mode, content, links and times outside of the granted folders stay as they are"),
    ("read-only-changed", "so do those in the folder that is granted for reading"),
    ("grant-moved", "the granted folders themselves stay where they are"),
    ("read-only-opened-for-writing", "no descriptor in the folder that is granted for reading can be written through"),
    ("canary-read", "what stands outside never comes to the guest's memory or output"),
    ("special-file-opened", "devices, FIFOs and sockets in a granted folder stay shut"),
    ("descriptors-leaked", "the host holds no more files open than the guest has descriptors"),
    ("descriptors-left-over", "when the guest is gone, no descriptor of its is left"),
    (
        "limit-passed",
        "what was used is within the policy's limits, by what stands on the disk and by the executor's own count",
    ),
    ("errno-untyped", "an error number is one of preview 1"),
    ("fuel-not-counted", "fuel never grows, and every call costs some"),
    ("host-panic", "the host does not panic"),
    ("outcome-untyped", "every ending is one of those that are published, and a limit has its name"),
    (SAME, "the same sequence twice has the same error numbers, endings and fuel"),
];

/// Fuel that the interpreter burns for each record, at the very least.
const LEAST_FUEL: u64 = 20;

pub(super) fn outcome(outcome: &Outcome, policy: &Policy, findings: &mut Vec<Finding>) {
    let typed = match (outcome.ending.ending, outcome.ending.cause) {
        (Ending::Returned | Ending::Exited, None) | (Ending::LimitReached, Some(Cause::Limit(_))) => true,
        (Ending::Trapped, _) => true,
        // The interpreter is sound, and nothing here ends a worker.
        _ => false,
    };
    if outcome.ending.ending == Ending::WorkerDied {
        findings.push(finding("host-panic", format!("the target died: {}", outcome.ending.detail)));
    } else if !typed {
        let text = format!("{} ({:?}): {}", outcome.ending.ending, outcome.ending.cause, outcome.ending.detail);
        findings.push(finding("outcome-untyped", text));
    }
    let arrived = outcome.stdout.len().saturating_add(outcome.stderr.len()) as u64;
    let counted = outcome.usage.iter().filter_map(|usage| Some((usage.limit, usage.used?)));
    for (limit, used) in counted.chain([(LimitKey::Output, arrived)]) {
        // Time is seen after it has passed; what comes in by a stream may pass the limit on work by one read.
        let slack = match limit {
            LimitKey::Deadline | LimitKey::CpuTime | LimitKey::CompileTime => continue,
            LimitKey::HostWork => 64 << 10,
            _ => 0,
        };
        if let Some(cap) = policy.limits.resolve(limit, u64::MAX)
            && used > cap.saturating_add(slack)
        {
            let show = |number| limit.unit().show(number);
            findings.push(finding("limit-passed", format!("{} of `{limit}` used, {} allowed", show(used), show(cap))));
        }
    }
}

pub(super) fn fuel(burnt: Option<u64>, records: u32, outcome: &Outcome, policy: &Policy, findings: &mut Vec<Finding>) {
    let (Some(burnt), Some(cap)) = (burnt, policy.limits.resolve(LimitKey::Fuel, u64::MAX)) else { return };
    let least = u64::from(records) * LEAST_FUEL;
    let out = outcome.ending.cause == Some(Cause::Limit(LimitKey::Fuel));
    if burnt > cap || burnt < least || out && burnt < cap {
        findings.push(finding(
            "fuel-not-counted",
            format!(
                "{burnt} burnt of {cap}, at least {least} for {records} calls{}",
                if out { ", and none left" } else { "" }
            ),
        ));
    }
}

pub(super) fn streams(outcome: &Outcome, world: &World, environment: &[u8], findings: &mut Vec<Finding>) {
    canaries("standard output", &outcome.stdout, world, environment, findings);
    canaries("standard error", &outcome.stderr, world, environment, findings);
}

pub(super) fn canaries(place: &str, bytes: &[u8], world: &World, environment: &[u8], findings: &mut Vec<Finding>) {
    if memmem::find(bytes, world.canary.as_bytes()).is_some() {
        findings.push(finding("canary-read", format!("the canary from outside stands in the guest's {place}")));
    }
    if !environment.is_empty() && memmem::find(bytes, environment).is_some() {
        findings.push(finding("canary-read", format!("a variable of the host stands in the guest's {place}")));
    }
}

pub(super) fn errnos(errnos: &[u32], findings: &mut Vec<Finding>) {
    if let Some((place, errno)) = errnos.iter().enumerate().find(|(_, errno)| !is_errno(**errno)) {
        findings.push(finding("errno-untyped", format!("call {place} answered {errno}")));
    }
}

pub(super) fn outside(changed: &[(&'static str, String)], findings: &mut Vec<Finding>) {
    findings.extend(changed.iter().map(|(oracle, what)| {
        // What became of the same file or folder is the same fault.
        let name = what.split(':').next().unwrap_or_default().to_owned();
        Finding { place: name, ..finding(oracle, what) }
    }));
}

/// What the writable folder held against what the policy lets a guest make in it.
pub(super) fn disk(swept: Swept, policy: &Policy, fifo: bool, findings: &mut Vec<Finding>) {
    let first = FIRST_NAMES + u64::from(fifo);
    let made = swept.names.saturating_sub(first);
    for (limit, used) in [(LimitKey::Files, made), (LimitKey::FileSize, swept.largest)] {
        if let Some(cap) = policy.limits.resolve(limit, u64::MAX)
            && used > cap
        {
            let show = |number| limit.unit().show(number);
            findings
                .push(finding("limit-passed", format!("{} of `{limit}` on disk, {} allowed", show(used), show(cap))));
        }
    }
    // What was there at first is not the guest's; it may be gone, too, so this is the least that was made.
    const AT_FIRST: u64 = 64;
    if let Some(cap) = policy.limits.resolve(LimitKey::Disk, u64::MAX)
        && swept.bytes.saturating_sub(AT_FIRST) > cap
    {
        let show = |number| LimitKey::Disk.unit().show(number);
        let text = format!("{} of `disk` on disk, {} allowed", show(swept.bytes), show(cap));
        findings.push(finding("limit-passed", text));
    }
}

/// Whether a path lies beneath a folder, and is not the folder itself.
fn inside(open: &Open, folder: &std::path::Path) -> bool {
    open.path.starts_with(folder) && open.path != folder
}

/// Descriptors to files beneath the granted folders.
pub(super) fn beneath(world: &World, host: &[Open]) -> usize {
    host.iter().filter(|open| inside(open, &world.writable) || inside(open, &world.read_only)).count()
}

/// The descriptors that are open while the guest lives; against the policy's limit, if one is given.
pub(super) fn open(world: &World, host: &[Open], policy: Option<&Policy>, findings: &mut Vec<Finding>) {
    for open in host {
        let writable = open.path.starts_with(&world.writable);
        if !writable && !open.path.starts_with(&world.read_only) {
            findings.push(finding(
                "descriptor-outside-grant",
                format!("an open descriptor leads to {}", place(world, open)),
            ));
        } else if !writable && open.writable {
            let text = format!("{} is open for writing", place(world, open));
            findings.push(finding("read-only-opened-for-writing", text));
        }
        if open.fifo {
            findings.push(finding("special-file-opened", format!("{} is open", place(world, open))));
        }
    }
    let held = beneath(world, host) as u64;
    if let Some(cap) = policy.and_then(|policy| policy.limits.resolve(LimitKey::OpenFiles, u64::MAX))
        && held > cap
    {
        findings.push(finding("limit-passed", format!("{held} of `open-files` held by the host, {cap} allowed")));
    }
}

/// Descriptors that are open when the guest is gone.
pub(super) fn left_over(world: &World, left: &[Open], findings: &mut Vec<Finding>) {
    for open in left {
        findings.push(finding("descriptors-left-over", format!("{} is still open", place(world, open))));
    }
}

/// Whether a descriptor leads to our folders: another thread of this process may have opened something of its own.
pub(super) fn is_ours(world: &World, open: &Open) -> bool {
    open.path.starts_with(world.writable.parent().unwrap_or(&world.writable))
}

/// A path as it stands in the folders, whatever they are called this time.
fn place(world: &World, open: &Open) -> String {
    let root = world.writable.parent().and_then(std::path::Path::parent).unwrap_or(&world.writable);
    match open.path.strip_prefix(root) {
        Ok(path) => format!("`BASE/{}`", path.display()),
        Err(_) => format!("`{}`", open.path.display()),
    }
}

/// Device and number of each file that the guest has a descriptor of, in the census that it wrote to its memory.
pub(super) fn census(memory: &[u8]) -> Vec<[u8; 16]> {
    let at = |number: u32| usize::try_from(CENSUS + number * CENSUS_STRIDE).unwrap_or(usize::MAX);
    let of = |number| memory.get(at(number)..at(number).saturating_add(16))?.try_into().ok();
    (0..CENSUS_COUNT).filter_map(of).filter(|file: &[u8; 16]| file[8..] != [0; 8]).collect()
}

/// The host's descriptors against the guest's. The granted folders themselves are left out on both sides: the host keeps one that the
/// guest has shut.
pub(super) fn budget(world: &World, host: &[Open], memory: &[u8], roots: &[[u8; 16]]) -> Option<Finding> {
    let guest = census(memory).iter().filter(|file| !roots.contains(file)).count();
    let held = beneath(world, host);
    (held > guest).then(|| finding("descriptors-leaked", format!("the host holds {held} files, the guest has {guest}")))
}

/// Compares two runs of one sequence.
pub(super) fn compare(first: &Execution, again: &Execution) -> Option<Finding> {
    let what = if first.endings != again.endings {
        format!("{:?}, then {:?}", first.endings, again.endings)
    } else if let Some(place) = first.errnos.iter().zip(&again.errnos).position(|(one, other)| one != other) {
        format!("call {place} answered {}, then {}", first.errnos[place], again.errnos[place])
    } else if first.fuel != again.fuel {
        format!("{} fuel, then {}", first.fuel, again.fuel)
    } else {
        return None;
    };
    Some(finding(SAME, what))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique() {
        let ids: BTreeSet<&str> = ORACLES.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids.len(), ORACLES.len());
    }

    #[test]
    fn fuel_that_was_not_burnt_is_found() {
        let policy = Policy::parse("p", super::super::runner::POLICY).unwrap();
        let found = |burnt, records| {
            let mut findings = Vec::new();
            fuel(Some(burnt), records, &Outcome::default(), &policy, &mut findings);
            findings.len()
        };
        assert_eq!((found(1000, 10), found(10, 10), found(1_000_001, 10)), (0, 1, 1));
    }

    #[test]
    fn a_trace_that_differs_is_found() {
        let first = Execution { errnos: vec![0, 8], fuel: 7, ..Execution::default() };
        assert_eq!(compare(&first, &first), None);
        let other = Execution { errnos: vec![0, 44], ..first.clone() };
        assert_eq!(compare(&first, &other).unwrap().message.as_str(), "call 1 answered 8, then 44");
        assert!(compare(&first, &Execution { fuel: 8, ..first.clone() }).is_some());
    }
}
