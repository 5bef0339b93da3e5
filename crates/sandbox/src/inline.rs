//! Inline placement: the guest runs in the caller's process, for embedders who isolate by other means.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use gauntlet_record::{Cause, Confinement, Granted, LimitKey};
use gauntlet_target::{Description, Job, Outcome, Target, TargetError};

use crate::deny::{self, DenyList};
use crate::execute::{self, complete_usage};
use crate::host::{self, Tally};
use crate::output::{Output, Which};
use crate::{ENGINE, ENGINE_VERSION, Protections, UnknownProtection, engine, offers, preflight, validate};

/// Runs guests in the caller's process.
///
/// A compilation cannot be ended from within, so a module whose estimated cost is beyond the policy's compile budget is refused. What
/// only a process of its own can hold is said in the outcome's confinement: the kernel's limits, and the end of a call that never waits.
#[derive(Debug, Clone, Default)]
pub struct Inline {
    lift: Vec<String>,
    deny: Option<Arc<DenyList>>,
}

impl Inline {
    /// The executor with all protections.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks a list of what must not run, besides the one that a policy names. Clones of the list share what is denied.
    #[must_use]
    pub fn deny_list(mut self, list: Arc<DenyList>) -> Self {
        self.deny = Some(list);
        self
    }

    /// The executor with protections left out, by id. For live controls and executors that are broken on purpose.
    ///
    /// # Errors
    ///
    /// If an id names no protection.
    #[doc(hidden)]
    pub fn lifting(lift: Vec<String>) -> Result<Self, UnknownProtection> {
        Protections::default().lift(&lift)?;
        Ok(Self { lift, deny: None })
    }
}

impl Target for Inline {
    fn describe(&self) -> Description {
        Description { name: "inline".into(), engine: ENGINE.into(), version: ENGINE_VERSION.into(), offers: offers() }
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        let start = Instant::now();
        preflight(&job.policy)?;
        let mut protections = Protections::of(&job.policy);
        protections.lift(&self.lift).map_err(|error| TargetError::Protocol(error.to_string()))?;
        crate::call_depth::preflight(&job.guest, &job.policy, &protections)?;
        if let Err(refused) = validate::admit(&job.guest, job.signature.as_deref(), &job.policy, &protections) {
            let mut outcome = *refused;
            complete_usage(&mut outcome.usage, &protections);
            outcome.confinement = confinement();
            return Ok(outcome);
        }
        let estimate = validate::compile_estimate(&job.guest);
        for (key, cost) in [(LimitKey::CompileTime, estimate.time), (LimitKey::CompileMemory, estimate.memory)] {
            if let Some(cap) = protections.limit(key)
                && cost > cap
            {
                let mut outcome =
                    Outcome::refused(Cause::Limit(key), format!("estimated at {}", key.unit().show(cost)));
                complete_usage(&mut outcome.usage, &protections);
                outcome.confinement = confinement();
                return Ok(outcome);
            }
        }
        let captured: Arc<Mutex<(Vec<u8>, Vec<u8>)>> = Arc::default();
        let sink = Arc::clone(&captured);
        let tally = Tally::default();
        let output = Output::new(protections.limit(LimitKey::Output), tally.clone(), move |which, bytes: &[u8]| {
            let mut captured = sink.lock().unwrap_or_else(PoisonError::into_inner);
            match which {
                Which::Out => captured.0.extend_from_slice(bytes),
                Which::Err => captured.1.extend_from_slice(bytes),
            }
        });
        let host = host::build(&job.policy, &protections, &job.nonce, &job.stdin, &output, tally)?;
        let prepared = execute::prepare(job, protections, &engine::Options::default(), start)
            .map_err(|error| TargetError::Protocol(format!("the engine cannot be built: {error:#}")))?
            .denying(deny::lists(self.deny.as_ref(), &job.policy));
        let ticker = prepared.ticker();
        let mut outcome = std::thread::scope(|scope| {
            let ticking =
                std::thread::Builder::new().name("ticker".into()).spawn_scoped(scope, move || ticker.run(|| ()));
            let outcome = ticking.map(|_| prepared.execute(job, host, &output, &mut ()));
            prepared.done();
            outcome
        })
        .map_err(|source| TargetError::Io { what: "cannot start the ticker", source })?;
        let mut captured = captured.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.stdout = std::mem::take(&mut captured.0);
        outcome.stderr = std::mem::take(&mut captured.1);
        outcome.confinement = confinement();
        Ok(outcome)
    }
}

/// What this placement cannot give.
fn confinement() -> Vec<Confinement> {
    let note = "inline placement: the guest runs in the caller's process";
    ["process", "seccomp", "landlock", "rlimits"]
        .into_iter()
        .map(|mechanism| Confinement { mechanism: mechanism.into(), granted: Granted::None, note: note.into() })
        .collect()
}
