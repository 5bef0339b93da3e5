//! What the host is: a container or not, and which control groups it has.

use super::files::{Files, told};
use crate::model::{Check, State};

pub(super) fn checks(files: &Files) -> Vec<Check> {
    vec![container(files), cgroup_version(files), cgroup_delegation(files)]
}

/// The marks that container runtimes leave.
fn container(files: &Files) -> Check {
    const TITLE: &str = "This runs in a container";
    let marks = [("run/.containerenv", "Podman"), (".dockerenv", "Docker"), ("run/systemd/container", "systemd")];
    let found = marks.iter().find(|(name, _)| files.has(name)).map(|(name, runtime)| format!("{runtime} (/{name})"));
    let pod = files.has("var/run/secrets/kubernetes.io").then(|| "Kubernetes".to_owned());
    let grouped = files
        .text("proc/1/cgroup")
        .filter(|text| ["docker", "kubepods", "containerd", "libpod", "lxc"].iter().any(|word| text.contains(word)));
    let (state, says) = match found.or(pod).or_else(|| grouped.map(|text| told(&text))) {
        Some(mark) => (State::Holds, mark),
        None if files.has("proc/self/status") => (State::Fails, "no container runtime left a mark".to_owned()),
        None => (State::Unknown, "nothing can be seen of it".to_owned()),
    };
    Check::new("posture/container", TITLE, state, says, "/run/.containerenv, /.dockerenv, /proc/1/cgroup")
}

fn cgroup_version(files: &Files) -> Check {
    const TITLE: &str = "Control groups are of version 2";
    let (state, says) = match (files.text("sys/fs/cgroup/cgroup.controllers"), files.text("proc/self/cgroup")) {
        (Some(controllers), _) => (State::Holds, format!("version 2: {}", told(&controllers))),
        (None, Some(_)) => (
            State::Fails,
            "version 1: limits of memory and of processes are there, one delegated tree is not".to_owned(),
        ),
        (None, None) => (State::Unknown, "not told".to_owned()),
    };
    Check::new("posture/cgroup-version", TITLE, state, says, "/sys/fs/cgroup/cgroup.controllers")
}

/// Whether this process may make groups below its own.
fn cgroup_delegation(files: &Files) -> Check {
    const TITLE: &str = "A control group is delegated to this process";
    const SOURCE: &str = "/proc/self/cgroup";
    let own = files.text("proc/self/cgroup");
    let path = own.as_deref().and_then(|text| text.lines().find_map(|line| line.strip_prefix("0::")));
    let (state, says) = match path {
        None => (State::Unknown, "there is no tree of version 2".to_owned()),
        Some(path) => {
            let inside = path.trim_start_matches('/');
            let climbs = inside.split('/').any(|part| part == "..");
            if !climbs && files.writable(&format!("sys/fs/cgroup/{inside}/cgroup.subtree_control")) {
                (State::Holds, format!("{} may be divided", told(path)))
            } else {
                (State::Fails, format!("{} may not be divided", told(path)))
            }
        }
    };
    Check::new("posture/cgroup-delegation", TITLE, state, says, SOURCE)
}
