//! Native probes of the worker's jail, as trials of `gauntlet run`.

use std::io;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use gauntlet_policy::{Policy, Requirement};
use gauntlet_record::{Granted, Trial};
use gauntlet_runner::{ProbeCase, Probed, Scratch, probe_id, probe_trial};
use gauntlet_sandbox::{Attempt, Probe, ProbeWorld, Worker};

use crate::failure::Failure;

/// The mechanisms that a probe is held by one at a time; all of them are off but one. The process is always there.
const ALONE: &[&str] = &["seccomp", "landlock", "namespaces", "cgroup"];

/// The ids of the probes that contain one of the filters, in the order in which they are made. A mechanism that the policy turns off has
/// none: nothing is promised of it.
pub(super) fn ids(policy: &Policy, filter: &[String]) -> Vec<String> {
    let wanted = |id: &String| filter.is_empty() || filter.iter().any(|text| id.contains(text.as_str()));
    let asked = |mechanism: &&&str| {
        policy
            .isolation
            .mechanisms()
            .iter()
            .any(|(name, asked)| *name == **mechanism && asked.value != Requirement::Off)
    };
    let of = |probe: &'static Probe| {
        probe.stopped_by().iter().filter(asked).map(|mechanism| probe_id(probe.as_str(), mechanism))
    };
    Probe::ALL.iter().flat_map(of).filter(wanted).collect()
}

/// Makes the probes of these ids, and hands each trial over as it ends.
pub(super) fn run(
    ids: &[String],
    cancel: &AtomicBool,
    seen: &mut dyn FnMut(Trial) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let offered = gauntlet_sandbox::mechanisms();
    for probe in Probe::ALL {
        let wanted = |mechanism: &&str| ids.contains(&probe_id(probe.as_str(), mechanism));
        let cases: Vec<&str> = probe.stopped_by().iter().copied().filter(wanted).collect();
        if cases.is_empty() {
            continue;
        }
        let live = once(&Policy::default(), *probe, true)?;
        for mechanism in cases {
            if cancel.load(Ordering::Relaxed) {
                return Ok(());
            }
            let start = Instant::now();
            let whole =
                offered.iter().find(|offer| offer.name == mechanism).is_none_or(|offer| offer.granted == Granted::Full);
            let jailed = if whole {
                once(&only(mechanism), *probe, false)?
            } else {
                Probed::NotTried(format!("this host does not offer all of `isolation.{mechanism}`"))
            };
            let case = ProbeCase {
                name: probe.as_str(),
                title: probe.title(),
                denied: probe.denied(),
                mechanism,
                target: "worker",
            };
            let duration = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
            seen(probe_trial(&case, &jailed, &live, duration))?;
        }
    }
    Ok(())
}

/// The strict default with one mechanism of the jail.
fn only(mechanism: &str) -> Policy {
    let mut policy = Policy::default();
    for name in ALONE {
        let value = if *name == mechanism { Requirement::IfAvailable } else { Requirement::Off };
        let isolation = &mut policy.isolation;
        match *name {
            "seccomp" => isolation.seccomp.value = value,
            "landlock" => isolation.landlock.value = value,
            "namespaces" => isolation.namespaces.value = value,
            _ => isolation.cgroup.value = value,
        }
    }
    policy
}

/// One probe in a world of its own.
fn once(policy: &Policy, probe: Probe, live: bool) -> Result<Probed, Failure> {
    let scratch = Scratch::open(&std::env::temp_dir()).map_err(Failure::harness)?;
    let directory = scratch.directory().map_err(Failure::harness)?;
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(&directory, open).map_err(Failure::harness)?;
    let listener = TcpListener::bind("127.0.0.1:0").map_err(Failure::harness)?;
    let port = listener.local_addr().map_err(Failure::harness)?.port();
    let bystander = Bystander::start().map_err(Failure::harness)?;
    let parent = i32::try_from(bystander.0.id()).map_err(Failure::harness)?;
    let world = ProbeWorld { parent, port, directory };
    let lift = if live { vec!["jail".to_owned()] } else { Vec::new() };
    let worker = Worker::new().lifting(lift).map_err(Failure::harness)?;
    Ok(match worker.probe(policy, probe, &world) {
        Ok((Attempt::Succeeded, _)) => Probed::Succeeded,
        Ok((Attempt::Refused(why), _)) => Probed::Refused(why),
        Ok((Attempt::Killed(signal), _)) => Probed::Killed(signal),
        Err(error) => Probed::NotTried(gauntlet_target::error_chain(&error)),
    })
}

/// A process that waits to be signalled and read, in place of ourselves.
struct Bystander(Child);

impl Bystander {
    fn start() -> io::Result<Self> {
        Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(Self)
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        // It reads its standard input to the end.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
