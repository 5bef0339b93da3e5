//! Trials one at a time, for a program that has a queue of its own.

use std::sync::atomic::AtomicBool;
use std::sync::{OnceLock, PoisonError, RwLock};

use gauntlet_record::Trial;

use crate::lanes::Launcher;
use crate::measure::Calibration;
use crate::plan::{Plan, TargetPlan};
use crate::run::{RunError, Stage};

/// Runs the trials of a plan on its first target as they are asked for, from any thread. The empty guest is measured before the first of
/// them, and an attack that says `alone` waits until nothing else runs.
pub struct Single<'a> {
    plan: &'a Plan,
    stage: Stage<'a>,
    base: OnceLock<Calibration>,
    alone: RwLock<()>,
}

impl<'a> Single<'a> {
    /// Makes the directory of the runs, which is removed when this is dropped.
    ///
    /// # Errors
    ///
    /// If there is no place to run in.
    pub fn open(plan: &'a Plan, launcher: &'a Launcher, cancel: &'a AtomicBool) -> Result<Self, RunError> {
        let stage = Stage::new(plan, launcher, cancel)?;
        Ok(Self { plan, stage, base: OnceLock::new(), alone: RwLock::new(()) })
    }

    /// Runs one trial. The calling thread has to last as long as it does. `None` if it was cancelled, or if the plan has no such attack
    /// or no target.
    #[must_use]
    pub fn trial(&self, attack: usize) -> Option<Trial> {
        let (target, attack) = (self.plan.targets.first()?, self.plan.attacks.get(attack)?);
        let run = |target: &TargetPlan| {
            let base = *self.base.get_or_init(|| self.stage.calibrate(&target.choice));
            self.stage.trial(target, attack, base)
        };
        if attack.alone {
            let _held = self.alone.write().unwrap_or_else(PoisonError::into_inner);
            run(target)
        } else {
            let _held = self.alone.read().unwrap_or_else(PoisonError::into_inner);
            run(target)
        }
    }
}
