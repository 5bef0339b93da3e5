//! Worker placement: the guest runs in a process of its own, which narrows itself before it reads the guest.

mod child;
mod parent;
mod protocol;

use std::path::PathBuf;
use std::sync::Arc;

use gauntlet_target::{Description, Job, Outcome, Target, TargetError};

use crate::deny::{self, DenyList};
use crate::{ENGINE, ENGINE_VERSION, Protections, UnknownProtection, offers};

pub use child::worker_main;

/// Runs each guest in a jailed process of its own.
///
/// The worker is this executable started again with `worker` as its first argument, so `main` has to begin with [`worker_main`]; or
/// another executable that does, named with [`Worker::program`].
#[derive(Debug, Clone, Default)]
pub struct Worker {
    program: Option<PathBuf>,
    lift: Vec<String>,
    deny: Option<Arc<DenyList>>,
}

impl Worker {
    /// The executor with all protections, run by this executable.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Uses another executable, whose `main` begins with [`worker_main`].
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

impl Target for Worker {
    fn describe(&self) -> Description {
        Description { name: "worker".into(), engine: ENGINE.into(), version: ENGINE_VERSION.into(), offers: offers() }
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        crate::preflight(&job.policy)?;
        let mut protections = Protections::of(&job.policy);
        protections.lift(&self.lift).map_err(|error| TargetError::Protocol(error.to_string()))?;
        crate::call_depth::preflight(&job.guest, &job.policy, &protections)?;
        let lists = deny::lists(self.deny.as_ref(), &job.policy);
        parent::run(self.program.as_deref(), job, &protections, &lists)
    }
}
