//! `gauntlet doctor`: what this host can enforce of the worker's jail, why not, and how to get it.

use std::fmt::Write as _;

use gauntlet_policy::{Policy, Requirement};
use gauntlet_record::{Confinement, Granted, GuestText, Host, Unit, exit};
use gauntlet_sandbox::Worker;
use gauntlet_target::{Job, Target as _};
use serde::Serialize;

use crate::args::{Doctor, ExecFormat};
use crate::failure::Failure;

/// A module whose `_start` does nothing.
const IDLE: &[u8] = &[
    0, b'a', b's', b'm', 1, 0, 0, 0, // binary, version 1
    1, 4, 1, 0x60, 0, 0, // one type: nothing to nothing
    3, 2, 1, 0, // one function of it
    7, 10, 1, 6, b'_', b's', b't', b'a', b'r', b't', 0, 0, // exported
    10, 4, 1, 2, 0, 0x0b, // and empty
];

/// Asks for all that there is, and requires nothing.
const ASKING: &str = "version: 1\nisolation: { process: required, seccomp: if-available, landlock: if-available, \
     namespaces: if-available, cgroup: if-available, user: unprivileged }\n";

/// What was found.
#[derive(Debug, Serialize)]
struct Findings {
    #[serde(flatten)]
    host: Host,
    /// What a worker achieved; empty if none could be run.
    jail: Vec<Confinement>,
    /// Why no worker could be run.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_worker: Option<String>,
}

pub(super) fn run(args: &Doctor) -> Result<u8, Failure> {
    let found = find();
    if args.format == ExecFormat::Json {
        let text = serde_json::to_string_pretty(&found).map_err(Failure::harness)?;
        super::print(format!("{text}\n").as_bytes())?;
        return Ok(exit::CLEAN);
    }
    let host = &found.host;
    let mut text = String::new();
    let user = if host.root { "root" } else { "an ordinary user" };
    let _ = writeln!(
        text,
        "{} {} on {}, {} cores, {}, run by {user}",
        host.os,
        host.kernel,
        host.arch,
        host.cores,
        Unit::Bytes.show(host.memory)
    );
    let _ = writeln!(text, "engine: {} {}\n", gauntlet_sandbox::ENGINE, gauntlet_sandbox::ENGINE_VERSION);
    for mechanism in &host.mechanisms {
        let _ = writeln!(text, "  {:<18} {:<8} {}", mechanism.name, word(mechanism.granted), mechanism.note);
        if let Some(remedy) = &mechanism.remedy {
            let _ = writeln!(text, "  {:<18} {:<8} to get it: {remedy}", "", "");
        }
    }
    let _ = writeln!(text, "\nseen in a worker:");
    match &found.no_worker {
        Some(why) => _ = writeln!(text, "  no worker could be run: {why}"),
        None => table(&found.jail, &mut text),
    }
    let _ = writeln!(text, "\npresets:");
    for (name, source) in gauntlet_policies::PRESETS {
        let verdict = match Policy::parse(name, source) {
            Ok(policy) => match objection(&policy, &found.jail) {
                None => "runs here".to_owned(),
                Some(why) => format!("does not run here: {why}"),
            },
            Err(_) => "cannot be read".to_owned(),
        };
        let _ = writeln!(text, "  {name:<18} {verdict}");
    }
    super::print(text.as_bytes())?;
    Ok(exit::CLEAN)
}

/// Why a policy's workers do not run here; `None` if they do.
fn objection(policy: &Policy, jail: &[Confinement]) -> Option<String> {
    if let Err(error) = gauntlet_sandbox::preflight(policy) {
        return Some(error.to_string());
    }
    // What files promise may still be kept from a worker.
    policy.isolation.mechanisms().into_iter().find_map(|(mechanism, requirement)| {
        let short = jail.iter().find(|seen| seen.mechanism == mechanism && seen.granted != Granted::Full)?;
        (requirement.value == Requirement::Required)
            .then(|| format!("`isolation.{mechanism}` is required and not to be had: {}", short.note))
    })
}

const fn word(granted: Granted) -> &'static str {
    match granted {
        Granted::Full => "full",
        Granted::Partial => "partial",
        Granted::None => "none",
    }
}

/// A line for each mechanism. What a worker says may be the guest's, so it is escaped.
pub(super) fn table(jail: &[Confinement], text: &mut String) {
    for achieved in jail {
        let (name, note) = (GuestText::name(&achieved.mechanism), GuestText::name(&achieved.note));
        let _ = writeln!(text, "  {:<18} {:<8} {}", name.as_str(), word(achieved.granted), note.as_str());
    }
}

/// Looks at the host and runs a guest that does nothing: what files promise and what the kernel then gives are two things.
fn find() -> Findings {
    let mut host = crate::targets::host();
    let (jail, no_worker) = match probe() {
        Ok(jail) => (jail, None),
        Err(why) => (Vec::new(), Some(why)),
    };
    for mechanism in &mut host.mechanisms {
        let Some(seen) = jail.iter().find(|seen| seen.mechanism == mechanism.name) else { continue };
        if seen.granted != mechanism.granted {
            mechanism.granted = seen.granted;
            mechanism.note.clone_from(&seen.note);
        }
        if mechanism.remedy.is_none() && seen.granted != Granted::Full {
            mechanism.remedy = remedy(&mechanism.name).map(str::to_owned);
        }
    }
    Findings { host, jail, no_worker }
}

/// How to get what files promised and a worker did not.
fn remedy(mechanism: &str) -> Option<&'static str> {
    match mechanism {
        "namespaces" => Some(
            "a container or service whose filter lets `unshare` through (`--security-opt seccomp=..`, \
             `RestrictNamespaces=no`), or a host that allows user namespaces",
        ),
        "landlock" => Some("a container or service whose filter lets the `landlock_*` calls through"),
        "seccomp" => Some("a container or service that lets filters be installed"),
        _ => None,
    }
}

fn probe() -> Result<Vec<Confinement>, String> {
    let policy =
        Policy::parse("doctor", ASKING).map_err(|faults| format!("{} faults in our own policy", faults.len()))?;
    let job = Job { guest: IDLE.to_vec(), policy, ..Job::default() };
    Worker::new().run(&job).map(|outcome| outcome.confinement).map_err(|error| {
        std::error::Error::source(&error).map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guest_that_does_nothing_and_its_policy_are_sound() {
        let policy = Policy::parse("doctor", ASKING).unwrap();
        let seen = gauntlet_sandbox::verify(IDLE, &policy);
        assert!(seen.is_sound(), "{seen:?}");
        assert!(seen.interface.exports.contains_key("_start"));
    }
}
