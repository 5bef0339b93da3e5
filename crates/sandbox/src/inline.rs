//! Inline placement: the guest runs in the caller's process, for embedders who isolate by other means.

use std::sync::{Arc, Mutex, PoisonError};

use gauntlet_target::{Description, Job, Outcome, Session, Target, TargetError, Value};

use crate::deny::{self, DenyList};
use crate::functions::Functions;
use crate::runtime::Call;
use crate::warm::{self, Live, Request, Warm};
use crate::{ENGINE, ENGINE_VERSION, Protections, UnknownProtection, offers};

/// Policies whose engines and compiled guests are kept.
const KEPT_POLICIES: usize = 4;

/// Runs guests in the caller's process.
///
/// A compilation cannot be ended from within, so a module whose estimated cost is beyond the policy's compile budget is refused. What
/// only a process of its own can hold is said in the outcome's confinement: the kernel's limits, and the end of a call that never waits.
///
/// Engines and compiled guests are kept for the policies used last; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Inline {
    lift: Vec<String>,
    kept: Arc<Mutex<Vec<Arc<Warm>>>>,
    deny: Option<Arc<DenyList>>,
}

impl Inline {
    /// The executor with all protections.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The executor with protections left out, by id. For live controls and executors that are broken on purpose.
    ///
    /// # Errors
    ///
    /// If an id names no protection.
    #[doc(hidden)]
    pub fn lifting(lift: Vec<String>) -> Result<Self, UnknownProtection> {
        Protections::default().lift(&lift)?;
        Ok(Self { lift, ..Self::default() })
    }

    /// Asks a list of what must not run, besides the one that a policy names. Clones of the list share what is denied.
    #[must_use]
    pub fn deny_list(mut self, list: Arc<DenyList>) -> Self {
        self.deny = Some(list);
        self
    }

    /// What is kept for a policy, or made for it now.
    fn warm(&self, job: &Job) -> Result<Arc<Warm>, TargetError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = kept.iter().position(|warm| *warm.policy() == job.policy) {
            let warm = kept.remove(at);
            kept.push(Arc::clone(&warm));
            return Ok(warm);
        }
        let mut protections = Protections::of(&job.policy);
        protections.lift(&self.lift).map_err(|error| TargetError::Protocol(error.to_string()))?;
        let warm = Arc::new(Warm::new(job.policy.clone(), protections, Functions::default(), None)?);
        if kept.len() == KEPT_POLICIES {
            kept.remove(0);
        }
        kept.push(Arc::clone(&warm));
        Ok(warm)
    }
}

impl Target for Inline {
    fn describe(&self) -> Description {
        Description { name: "inline".into(), engine: ENGINE.into(), version: ENGINE_VERSION.into(), offers: offers() }
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        let call = Call { entry: job.entry.as_deref(), nonce: &job.nonce, arguments: &job.arguments };
        let deny = deny::lists(self.deny.as_ref(), &job.policy);
        let request = Request {
            guest: &job.guest,
            digest: warm::digest(&job.guest),
            call,
            stdin: &job.stdin,
            signature: job.signature.as_deref(),
            trace: job.trace,
            deny: &deny,
        };
        self.warm(job)?.run(&request)
    }

    fn open(&self, job: &Job) -> Result<Option<Box<dyn Session>>, TargetError> {
        let opened = self.warm(job)?.open(&job.guest, warm::digest(&job.guest), &job.stdin)?;
        match opened {
            Ok(live) => Ok(Some(Box::new(Kept(live)))),
            Err(outcome) => {
                Err(TargetError::Protocol(format!("the guest was not instantiated: {}", outcome.ending.detail)))
            }
        }
    }
}

/// An instance for a harness.
struct Kept(Live);

impl Session for Kept {
    fn call(&mut self, entry: &str, arguments: &[Value]) -> Result<Outcome, TargetError> {
        self.0.call(entry, arguments)
    }

    fn memory(&mut self) -> Option<&mut [u8]> {
        self.0.memory()
    }
}
