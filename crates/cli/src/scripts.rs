//! Our worker, with the language guests: it runs programs besides modules.

use std::path::Path;

use anyhow::anyhow;
use gauntlet_guests::{Guests, Kind, Source};
use gauntlet_policy::{Policy, Stdin};
use gauntlet_sandbox::tenants::Tenant;
use gauntlet_sandbox::{Pool, Worker};
use gauntlet_target::{Description, Job, Outcome, Target, TargetError, error_chain};

use crate::commands::guests::{COMPILING, KEPT};
use crate::failure::Failure;

/// The worker and the guests of a cache directory.
pub(crate) struct Scripts {
    guests: Guests,
    worker: Worker,
    lift: Vec<String>,
}

impl Scripts {
    /// Looks at what was built.
    pub(crate) fn open(cache: &Path, lift: Vec<String>) -> Result<Self, String> {
        let guests = Guests::open(cache).map_err(|error| error_chain(&error))?;
        let worker = Worker::new().lifting(lift.clone()).map_err(|error| error.to_string())?;
        Ok(Self { guests, worker, lift })
    }

    /// Compiles the interpreters for a policy, so that no trial has to.
    pub(crate) fn warm(&self, policy: &Policy) -> Result<(), Failure> {
        let mut any = false;
        for language in self.guests.languages().into_iter().filter(|language| language.ready) {
            if language.kind == Kind::Interpreter {
                let source = Source::default();
                let prepared = self.guests.job(&language.id, &source, policy).map_err(Failure::usage)?;
                let outcome = self.pool().and_then(|pool| {
                    pool.compile_ahead(&Tenant::default(), &prepared.job.guest, &prepared.job.policy, COMPILING)
                });
                if let Some(outcome) = outcome.map_err(Failure::harness)? {
                    let (id, why) = (&language.id, &outcome.ending.detail);
                    return Err(Failure::usage(anyhow!("this policy does not let the guest for `{id}` run: {why}")));
                }
                any = true;
            }
        }
        if any {
            Ok(())
        } else {
            Err(Failure::usage(anyhow!("no guest was built in `{}`", self.guests.cache().display())))
        }
    }

    fn pool(&self) -> Result<Pool, TargetError> {
        let pool = Pool::builder().min(0).max(1).on_demand().shared_cache(self.guests.compiled(), KEPT);
        let pool = pool.compiling_within(COMPILING);
        pool.lifting(self.lift.clone()).map_err(|error| TargetError::Protocol(error.to_string()))?.build()
    }
}

impl Target for Scripts {
    fn describe(&self) -> Description {
        let mut description = self.worker.describe();
        let ready = self.guests.languages().into_iter().filter(|language| language.ready);
        description.offers.extend(ready.map(|language| format!("language:{}", language.id)));
        description
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        let Some(language) = &job.language else { return self.worker.run(job) };
        let mut source = Source::new(job.guest.clone());
        if job.policy.grants.stdin.value == Stdin::Inherit {
            source.stdin.clone_from(&job.stdin);
        }
        let prepared = self.guests.job(language, &source, &job.policy);
        // Most of what can go wrong here is the guest's, and what is not must not look like a sandbox that held.
        let mut prepared = prepared.map_err(|error| TargetError::Protocol(error_chain(&error)))?;
        // Moved, not copied: interpreters are large. The files that it names stay with `prepared`.
        let job = Job { nonce: job.nonce.clone(), trace: job.trace, ..std::mem::take(&mut prepared.job) };
        self.pool()?.run(&job)
    }
}
