//! Worker placement: the guest runs in a process of its own, which narrows itself before it reads the guest.

mod cache;
mod child;
mod launcher;
mod parent;
mod pool;
mod process;
mod protocol;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use gauntlet_policy::{Policy, Scope};
#[cfg(feature = "probes")]
use gauntlet_record::Confinement;
use gauntlet_record::{Cause, LimitKey};
use gauntlet_target::{Description, Job, Outcome, Target, TargetError};

use self::launcher::Launcher;
use self::protocol::Purpose;
use crate::deny::{self, DenyList};
use crate::execute::{complete_usage, used};
use crate::live::Follow;
#[cfg(feature = "probes")]
use crate::probe::{Attempt, Probe, ProbeWorld};
use crate::{ENGINE, ENGINE_VERSION, Protections, UnknownProtection, jail, offers};

pub(crate) use child::worker_main;
pub use pool::{Pool, PoolBuilder, PoolStatus};

/// Runs each guest in a jailed process of its own.
///
/// The worker is this executable started again with `worker` as its first argument, so `main` has to begin with
/// [`worker_main`](crate::worker_main); or another executable that does, named with [`Worker::program`].
#[derive(Debug, Clone, Default)]
pub struct Worker {
    program: Option<PathBuf>,
    lift: Vec<String>,
    cancel: Option<Arc<AtomicBool>>,
    deny: Option<Arc<DenyList>>,
}

impl Worker {
    /// The executor with all protections, run by this executable.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Uses another executable, whose `main` begins with [`worker_main`](crate::worker_main).
    #[must_use]
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = Some(program.into());
        self
    }

    /// Asks a list of what must not run, besides the one that a policy names. Clones of the list share what is denied.
    #[must_use]
    pub fn deny_list(mut self, list: Arc<DenyList>) -> Self {
        self.deny = Some(list);
        self
    }

    /// Ends the run when the flag is set: its caller has lost interest.
    #[must_use]
    pub(crate) fn cancelled_by(mut self, flag: Arc<AtomicBool>) -> Self {
        self.cancel = Some(flag);
        self
    }

    /// Leaves protections out, by id. For live controls and executors that are broken on purpose.
    ///
    /// # Errors
    ///
    /// If an id names no protection.
    #[doc(hidden)]
    pub fn lifting(mut self, lift: Vec<String>) -> Result<Self, UnknownProtection> {
        Protections::default().lift(&lift)?;
        self.lift = lift;
        Ok(self)
    }
}

impl Worker {
    /// Starts a worker under a policy, has it try one thing once its jail is complete, and says what came of it and how it was confined.
    /// No guest is run.
    ///
    /// # Errors
    ///
    /// If no worker could be started, or a mechanism that the policy requires is not to be had.
    #[cfg(feature = "probes")]
    pub fn probe(
        &self,
        policy: &Policy,
        probe: Probe,
        world: &ProbeWorld,
    ) -> Result<(Attempt, Vec<Confinement>), TargetError> {
        let mut protections = Protections::of(policy);
        protections.lift(&self.lift).map_err(|error| TargetError::Protocol(error.to_string()))?;
        let stdin = serde_json::to_vec(world).map_err(|error| TargetError::Protocol(error.to_string()))?;
        let job = Job { stdin, policy: policy.clone(), ..Job::default() };
        let start = Instant::now();
        let started = self.started(policy, &protections, Purpose::Probe(probe))?;
        let outcome = started.run(&job, false, start, Follow::default(), &[], || ())?.outcome;
        let attempt = Attempt::of(&outcome);
        let attempt = attempt.ok_or_else(|| TargetError::Protocol(format!("no answer: {}", outcome.ending.detail)))?;
        Ok((attempt, outcome.confinement))
    }

    fn started(
        &self,
        policy: &Policy,
        protections: &Protections,
        purpose: Purpose,
    ) -> Result<parent::Started, TargetError> {
        let program = parent::program(self.program.as_deref())?;
        let launcher = match parent::ground(policy, protections) {
            Some(ground) => Some(Arc::new(
                Launcher::start(&program, ground, parent::group(policy, protections))
                    .map_err(|source| TargetError::Spawn { program: program.clone(), source })?,
            )),
            None => None,
        };
        parent::Started::start(&program, launcher, policy, protections, purpose, jail::Ground::default())
    }
}

impl Target for Worker {
    fn describe(&self) -> Description {
        Description { name: "worker".into(), engine: ENGINE.into(), version: ENGINE_VERSION.into(), offers: offers() }
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        let start = Instant::now();
        crate::preflight(&job.policy)?;
        let mut protections = Protections::of(&job.policy);
        protections.lift(&self.lift).map_err(|error| TargetError::Protocol(error.to_string()))?;
        crate::call_depth::preflight(&job.guest, &job.policy, &protections)?;
        let deny = deny::lists(self.deny.as_ref(), &job.policy);
        if let Some(denied) = deny::denied(&deny, &job.guest, &protections) {
            return Ok(denied);
        }
        if let Some(refused) = too_large(job, &protections) {
            return Ok(refused);
        }
        let policy = pinned(&job.policy)?;
        let started = self.started(&policy, &protections, Purpose::Run { cached: false })?;
        started
            .run(job, false, start, Follow::cancelled_by(self.cancel.as_deref()), &deny, || ())
            .map(|ended| ended.outcome)
    }
}

/// The refusal of a guest that is larger than what a worker is given in one piece, whatever the policy says.
fn too_large(job: &Job, protections: &Protections) -> Option<Outcome> {
    if job.guest.len() <= protocol::MAX_FRAME {
        return None;
    }
    let detail = format!("{} bytes, and a worker takes at most {}", job.guest.len(), protocol::MAX_FRAME);
    let mut refused = Outcome::refused(Cause::Limit(LimitKey::ModuleSize), detail);
    refused.usage.push(used(LimitKey::ModuleSize, job.guest.len() as u64));
    complete_usage(&mut refused.usage, protections);
    Some(refused)
}

/// Whether the guest's code runs without checks for its deadline: without fuel, which needs them anyway, the parent's clock is enough.
pub(crate) fn unmetered(protections: &Protections) -> bool {
    protections.limit(LimitKey::Fuel).is_none()
}

/// The policy with the names of granted addresses looked up, once: the worker has no resolver, and a name that answers differently
/// later grants nothing more.
fn pinned(policy: &Policy) -> Result<Policy, TargetError> {
    let mut pinned = policy.clone();
    pinned.grants.network.clear();
    for grant in &policy.grants.network {
        if grant.scope != Scope::Connect || grant.address.value == "*" {
            pinned.grants.network.push(grant.clone());
            continue;
        }
        let found = std::net::ToSocketAddrs::to_socket_addrs(&grant.address.value).map_err(|error| {
            TargetError::LimitUnenforced {
                key: "grants.network".into(),
                why: format!("`{}` is no address with a port that can be looked up: {error}", grant.address.value),
            }
        })?;
        pinned.grants.network.extend(found.map(|address| {
            let mut grant = grant.clone();
            grant.address.value = address.to_string();
            grant
        }));
    }
    Ok(pinned)
}
