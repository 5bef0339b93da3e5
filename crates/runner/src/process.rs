//! Other processes, as `/proc` shows them: who descends from whom, what they use, and how to end them all.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use nix::sys::time::TimeValLike as _;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

/// What one process uses, or has used at its peak.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sample {
    /// Peak of its resident memory, in bytes (`VmHWM`).
    pub peak_memory: u64,
    /// Its resident memory, in bytes.
    pub resident: u64,
    /// Its threads.
    pub threads: u64,
    /// Its descriptors, if we may look.
    pub open_files: Option<u64>,
    /// Its read and write system calls, if we may look.
    pub io_calls: Option<u64>,
    /// Its CPU time in nanoseconds, by its own clock.
    pub cpu_time: Option<u64>,
}

/// Looks at one process; `None` if it is gone or already a zombie.
///
/// A target that ends its worker itself can look right before it does.
#[must_use]
pub fn sample(pid: u32) -> Option<Sample> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    // A process that has not executed its program yet still wears the memory of the one that started it.
    if same_memory(pid) {
        return None;
    }
    let io = fs::read_to_string(format!("/proc/{pid}/io")).ok();
    let calls = |name: &str| io.as_ref()?.lines().find_map(|line| line.strip_prefix(name))?.trim().parse::<u64>().ok();
    Some(Sample {
        peak_memory: field("VmHWM:")? * 1024,
        resident: field("VmRSS:").unwrap_or(0) * 1024,
        threads: field("Threads:")?,
        open_files: open_files(pid),
        io_calls: calls("syscr:").zip(calls("syscw:")).map(|(reads, writes)| reads + writes),
        cpu_time: cpu_time(pid),
    })
}

/// How many descriptors a process holds. Kernels since 6.2 keep the number in the directory's size.
fn open_files(pid: u32) -> Option<u64> {
    let folder = format!("/proc/{pid}/fd");
    let counted = fs::metadata(&folder).ok().map(|meta| meta.len()).filter(|count| *count > 0);
    counted.or_else(|| fs::read_dir(folder).ok().map(|names| names.count() as u64))
}

/// CPU time of a process, all its threads together, in nanoseconds.
fn cpu_time(pid: u32) -> Option<u64> {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).ok()?);
    let time = nix::time::clock_getcpuclockid(pid).ok()?.now().ok()?;
    u64::try_from(time.num_nanoseconds()).ok()
}

/// Whether a process still runs on the memory image of this one: where its arguments and environment lie is random from one program
/// to the next.
fn same_memory(pid: u32) -> bool {
    let place = |who: &str| -> Option<[u64; 2]> {
        let stat = fs::read_to_string(format!("/proc/{who}/stat")).ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(45);
        Some([fields.next()?.parse().ok()?, fields.next()?.parse().ok()?])
    };
    match (place(&pid.to_string()), place("self")) {
        (Some(theirs), Some(ours)) => theirs == ours && ours[0] != 0,
        (None, _) | (_, None) => false,
    }
}

/// A process in a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    /// It has ended and waits to be reaped.
    pub(crate) ended: bool,
}

/// Everything that descends from a process, nearest first.
pub(crate) fn descendants(root: u32) -> Vec<Process> {
    let mut found = Vec::new();
    let mut queue = vec![root];
    let mut all: Option<BTreeMap<u32, Vec<Process>>> = None;
    while let Some(parent) = queue.pop() {
        let children = children(parent).unwrap_or_else(|| {
            // The kernel was built without the list of children: look at every process there is.
            let all = all.get_or_insert_with(everybody);
            all.get(&parent).cloned().unwrap_or_default()
        });
        for child in children {
            if !found.contains(&child) && child.pid != root {
                found.push(child);
                queue.insert(0, child.pid);
            }
        }
    }
    found
}

fn children(parent: u32) -> Option<Vec<Process>> {
    let mut pids = BTreeSet::new();
    let Ok(tasks) = fs::read_dir(format!("/proc/{parent}/task")) else { return Some(Vec::new()) };
    for task in tasks.flatten() {
        match fs::read_to_string(task.path().join("children")) {
            Ok(text) => pids.extend(text.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok())),
            // A thread that ended while we looked; a missing list shows on a thread that is still there.
            Err(_) if !task.path().exists() => {}
            Err(_) => return None,
        }
    }
    Some(pids.into_iter().filter_map(look).collect())
}

fn everybody() -> BTreeMap<u32, Vec<Process>> {
    let mut all: BTreeMap<u32, Vec<Process>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        if let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(look) {
            all.entry(process.parent).or_default().push(process);
        }
    }
    all
}

fn look(pid: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    Some(Process { pid, parent: fields.next()?.parse().ok()?, ended: matches!(state, "Z" | "X" | "x") })
}

/// Whether a thread of a process runs or waits for a core.
pub(crate) fn wants_to_run(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut stats = threads.filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok());
    stats.any(|stat| stat.rsplit_once(')').is_some_and(|(_, fields)| fields.trim_start().starts_with('R')))
}

/// The name of a process's program, as the process itself may have chosen it.
pub(crate) fn name(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).map_or_else(|_| "?".to_owned(), |name| name.trim_end().to_owned())
}

/// Kills everything that descends from a process, children before parents, until nothing new appears. Nothing is reaped here: whoever
/// started a process may still wait for it. Returns whether something that lives is left.
pub(crate) fn kill_descendants(root: u32) -> bool {
    for _ in 0..32 {
        let mut living = descendants(root);
        living.retain(|process| !process.ended);
        if living.is_empty() {
            return false;
        }
        for process in &living {
            // Stopped first, so that nothing is started while we go through the list.
            signal(process, root, Signal::STOP);
        }
        for process in living.iter().rev() {
            signal(process, root, Signal::KILL);
        }
    }
    descendants(root).iter().any(|process| !process.ended)
}

/// Sends a signal to exactly this process: its number may have been given to another one since we looked.
fn signal(process: &Process, root: u32, signal: Signal) {
    let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else { return };
    match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) => {
            let still = look(process.pid).is_some_and(|now| now.parent == process.parent || now.parent == root);
            if still {
                let _ = rustix::process::pidfd_send_signal(&handle, signal);
            }
        }
        Err(rustix::io::Errno::SRCH) => {}
        // No pidfd on this kernel.
        Err(_) => {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

/// Reaps children that have ended. Returns whether any are left.
pub(crate) fn reap() -> bool {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_sees_itself() {
        let me = fs::read_to_string("/proc/self/status").unwrap();
        assert!(me.contains("VmHWM"));
        assert!(same_memory(std::process::id()));
        // Our own memory image is never taken for a target's.
        assert_eq!(sample(std::process::id()), None);
        assert!(cpu_time(std::process::id()).is_some());
    }

    #[test]
    fn another_program_is_sampled() {
        let sample = sample(1).or_else(|| everybody().into_values().flatten().find_map(|process| sample(process.pid)));
        let sample = sample.expect("somebody else runs");
        assert!(sample.peak_memory > 0 && sample.threads > 0);
    }
}
