//! Runs a plan: three runs a trial, in lanes, and a verdict for each.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use gauntlet_corpus::{Attack, Obtains};
use gauntlet_policy::Overlay;
use gauntlet_record::{Cause, Closeness, LimitKey, Role, Run, Trial, Verdict, Why};

use crate::canary::random_hex;
use crate::judge::{Judgement, judge};
use crate::lanes::{self, Answered, Launcher, spread};
use crate::measure::Calibration;
use crate::obtains::obtained;
use crate::plan::{EMPTY_GUEST, Plan, RunPlan, TargetPlan, worst};
use crate::scratch::{self, Scratch};
use crate::trial::{TargetChoice, TrialSpec};

/// How often an empty guest is looked at, and how often a run is tried that could not be measured.
const LOOKS: u32 = 3;

/// How a run of a plan goes on.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// A target's empty guest was measured.
    Calibrated {
        /// The target's name.
        target: &'a str,
    },
    /// A trial ended.
    Finished {
        /// The trial.
        trial: &'a Trial,
    },
    /// A broken executor was tried with all attacks.
    Mutation {
        /// What came of it.
        mutation: &'a gauntlet_record::Mutation,
    },
}

/// A plan could not be run at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// There is no place for the runs' directories.
    #[error("cannot make a directory for the runs")]
    Scratch(#[from] crate::scratch::ScratchError),
    /// The system has no random numbers.
    #[error("the system has no random numbers")]
    Random(#[source] io::Error),
}

/// Runs every trial of a plan and returns them in the plan's order: target by target, in corpus order. A cancelled run returns what had
/// finished.
///
/// # Errors
///
/// If there is no place to run in. What goes wrong later makes a trial inconclusive.
pub fn run(
    plan: &Plan,
    launcher: &Launcher,
    progress: &mut dyn FnMut(Progress<'_>),
    cancel: &AtomicBool,
) -> Result<Vec<Trial>, RunError> {
    let stage = Stage::new(plan, launcher, cancel)?;
    let cells = plan.cells();
    let bases = calibrate(&stage, progress);
    let (alone, beside): (Vec<_>, Vec<_>) = cells.into_iter().partition(|(_, attack)| plan.attacks[*attack].alone);
    let mut finished: BTreeMap<(usize, usize), Trial> = BTreeMap::new();
    let failed = AtomicBool::new(false);
    for (jobs, cells) in [(plan.options.jobs, beside), (1, alone)] {
        let one = |(t, a): (usize, usize)| {
            if failed.load(Ordering::Relaxed) && plan.options.fail_fast {
                return None;
            }
            let trial = stage.trial(&plan.targets[t], &plan.attacks[a], bases[t])?;
            failed.fetch_or(trial.verdict == Verdict::Breached && trial.known.is_none(), Ordering::Relaxed);
            Some(((t, a), trial))
        };
        spread(jobs, cells, one, |(cell, trial)| {
            progress(Progress::Finished { trial: &trial });
            finished.insert(cell, trial);
        });
    }
    Ok(finished.into_values().collect())
}

/// What an empty guest uses on each target, measured before anything else runs.
fn calibrate(stage: &Stage<'_>, progress: &mut dyn FnMut(Progress<'_>)) -> Vec<Calibration> {
    let mut bases = Vec::new();
    for target in &stage.plan.targets {
        bases.push(stage.calibrate(&target.choice));
        progress(Progress::Calibrated { target: &target.description.name });
    }
    bases
}

/// What all trials share.
pub(crate) struct Stage<'a> {
    pub(crate) plan: &'a Plan,
    launcher: &'a Launcher,
    cancel: &'a AtomicBool,
    scratch: Scratch,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(plan: &'a Plan, launcher: &'a Launcher, cancel: &'a AtomicBool) -> Result<Self, RunError> {
        random_hex(1).map_err(RunError::Random)?;
        Ok(Self { plan, launcher, cancel, scratch: Scratch::open(&scratch::base())? })
    }

    pub(crate) fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    pub(crate) fn calibrate(&self, choice: &TargetChoice) -> Calibration {
        let attack = empty_attack();
        let plan = self.plan.under_policy(choice, &attack, Role::Benign);
        let target = TargetPlan { choice: choice.clone(), description: self.plan.targets[0].description.clone() };
        let mut looks = Vec::new();
        for look in 0..LOOKS {
            let Some(Ok(run)) = self.run(&target, &attack, &plan, Calibration::default(), look) else { continue };
            // Whoever hangs on a guest that does nothing hangs on every look.
            let hangs = run.measured.watchdog || run.causes.contains(&Cause::KilledParent);
            looks.push(run.measured);
            if hangs {
                break;
            }
        }
        worst(&looks)
    }

    /// A whole trial, as often as the plan says; the worst one counts. `None` if it was cancelled.
    pub(crate) fn trial(&self, target: &TargetPlan, attack: &Attack, base: Calibration) -> Option<Trial> {
        let start = Instant::now();
        let mut trial = match self.plan.lacking(target, attack) {
            Some(reason) => {
                let skeleton = self.plan.skeleton(target, attack);
                Trial { verdict: Verdict::Unsupported, why: Why::Lacking, reason, ..skeleton }
            }
            None => {
                let mut worst: Option<Trial> = None;
                for repeat in 0..self.plan.options.repeat.max(1) {
                    let trial = self.triad(target, attack, base, repeat)?;
                    if worst.as_ref().is_none_or(|worst| badness(trial.verdict) > badness(worst.verdict)) {
                        worst = Some(trial);
                    }
                }
                worst.expect("a trial is run at least once")
            }
        };
        trial.duration = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        if trial.verdict == Verdict::Breached {
            trial.known = self.plan.known(target, attack);
        }
        Some(trial)
    }

    /// Attack, live control, benign twin.
    fn triad(&self, target: &TargetPlan, attack: &Attack, base: Calibration, repeat: u32) -> Option<Trial> {
        let under = self.plan.under_policy(&target.choice, attack, Role::Attack);
        let run = self.run(target, attack, &under, base, repeat)?;
        let live = self.live(target, attack, base, repeat)?;
        let benign = self.plan.under_policy(&target.choice, attack, Role::Benign);
        let benign = self.run(target, attack, &benign, base, repeat)?;
        Some(conclude(self.plan.skeleton(target, attack), attack, &under.overlay, run, live, Some(benign)))
    }

    /// The live control: the first way of opening that obtains, or else the last that was tried.
    fn live(
        &self,
        target: &TargetPlan,
        attack: &Attack,
        base: Calibration,
        repeat: u32,
    ) -> Option<Option<Result<Run, String>>> {
        let mut last = None;
        for plan in self.plan.live(target, attack) {
            let mut answered = self.run(target, attack, &plan, base, repeat)?;
            if let Ok(run) = &mut answered {
                run.witnessed_on.clone_from(&plan.witness);
            }
            let worked = answered.as_ref().is_ok_and(|run| run.obtained);
            last = Some(answered);
            if worked {
                break;
            }
        }
        if last.is_none() && attack.has_live() {
            return Some(Some(Err("there is no executor to show on that the attack works".to_owned())));
        }
        Some(last)
    }

    /// One run, in a directory of its own. A guest that is gone before a busy host has looked at it is run again: nothing is known of it
    /// that could be lost.
    pub(crate) fn run(
        &self,
        target: &TargetPlan,
        attack: &Attack,
        plan: &RunPlan,
        base: Calibration,
        repeat: u32,
    ) -> Answered {
        let mut answered = self.run_once(target, attack, plan, base, repeat);
        for _ in 1..LOOKS {
            let unseen = |run: &Run| {
                plan.role != Role::Benign
                    && run.measured.host_death.is_none()
                    && obtained(&attack.obtains, &run.measured).is_none()
            };
            if !matches!(&answered, Some(Ok(run)) if unseen(run)) {
                break;
            }
            answered = self.run_once(target, attack, plan, base, repeat);
        }
        answered
    }

    fn run_once(
        &self,
        target: &TargetPlan,
        attack: &Attack,
        plan: &RunPlan,
        base: Calibration,
        repeat: u32,
    ) -> Answered {
        let options = &self.plan.options;
        let (directory, canary) = match (self.scratch.directory(), random_hex(16)) {
            (Ok(directory), Ok(canary)) => (directory, canary),
            (Err(error), _) | (_, Err(error)) => {
                return Some(Err(format!("cannot make a directory for the run: {error}")));
            }
        };
        let watchdog = match plan.role {
            Role::Live => options.live_watchdog,
            Role::Attack | Role::Benign => options.watchdog,
        };
        let spec = TrialSpec {
            role: plan.role,
            target: plan.choice.clone(),
            guest: match plan.role {
                Role::Attack | Role::Live => attack.attack.clone(),
                Role::Benign => attack.benign.clone(),
            },
            language: attack.language.clone(),
            entry: attack.entry.clone(),
            obtains: attack.obtains,
            policy: plan.overlay.policy.clone(),
            fixtures: plan.fixtures,
            attack_grants: attack.policy.grants.filesystem.clone(),
            user_grants: plan.user_grants.clone(),
            values: plan.overlay.values(),
            host_memory: options.host_memory,
            nonce_stem: self.plan.nonce_stem(attack, plan.role, repeat),
            canary,
            escaping: plan.escaping,
            watchdog: u64::try_from(watchdog.as_nanos()).unwrap_or(u64::MAX),
            memory_ceiling: options.max_memory,
            calibration: base,
            directory,
            runner: std::process::id(),
            skeleton: self.plan.skeleton(target, attack),
        };
        let answered = lanes::supervise(self.launcher, &spec, self.cancel);
        lanes::clean(&spec.directory);
        answered
    }
}

/// Puts a trial together and judges it. What went wrong with the harness never hides a breach, and never makes a trial contained.
pub(crate) fn conclude(
    skeleton: Trial,
    attack: &Attack,
    in_force: &Overlay,
    run: Result<Run, String>,
    live: Option<Result<Run, String>>,
    benign: Option<Result<Run, String>>,
) -> Trial {
    let run = match run {
        Ok(run) => run,
        Err(why) => return Trial { verdict: Verdict::Inconclusive, why: Why::HarnessError, reason: why, ..skeleton },
    };
    let (live, live_error) = split(live);
    let (benign, benign_error) = split(benign);
    let judged = judge(attack, live.as_ref(), &run, benign.as_ref());
    let erred = match judged.why {
        Why::LiveFailed => live_error.map(|why| format!("the live control could not be run: {why}")),
        Why::BenignFailed => benign_error.map(|why| format!("the benign twin could not be run: {why}")),
        Why::Stopped
        | Why::StoppedSilently
        | Why::Obtained
        | Why::HostDied
        | Why::OtherCause
        | Why::NotMeasured
        | Why::Disagrees
        | Why::HarnessError
        | Why::TooLarge
        | Why::Lacking => None,
    };
    let judged = match erred {
        Some(reason) => Judgement { why: Why::HarnessError, reason, ..judged },
        None => judged,
    };
    Trial {
        verdict: judged.verdict,
        why: judged.why,
        reason: judged.reason,
        cause: judged.cause,
        layer: judged.layer,
        witnessed: live.as_ref().is_some_and(|live| live.obtained),
        subjects: proved(skeleton.subjects.clone(), judged.verdict, judged.cause),
        closeness: closeness(judged.verdict, judged.cause, attack, in_force, &run),
        runs: [Some(run), live, benign].into_iter().flatten().collect(),
        ..skeleton
    }
}

/// The keys that a trial is evidence for. What one limit stopped says nothing about another that would have stopped it, too.
fn proved(subjects: Vec<String>, verdict: Verdict, cause: Option<Cause>) -> Vec<String> {
    let (Verdict::Contained, Some(Cause::Limit(key))) = (verdict, cause) else { return subjects };
    let key = format!("limits.{key}");
    if !subjects.contains(&key) {
        return subjects;
    }
    subjects.into_iter().filter(|subject| !subject.starts_with("limits.") || *subject == key).collect()
}

fn split(answered: Option<Result<Run, String>>) -> (Option<Run>, Option<String>) {
    match answered {
        Some(Ok(run)) => (Some(run), None),
        Some(Err(why)) => (None, Some(why)),
        None => (None, None),
    }
}

/// How near the guest came to the limit that stopped it, or how far it got past the one that should have.
fn closeness(
    verdict: Verdict,
    cause: Option<Cause>,
    attack: &Attack,
    in_force: &Overlay,
    run: &Run,
) -> Option<Closeness> {
    let limit_of = |cause: &Cause| match cause {
        Cause::Limit(key) => Some(*key),
        Cause::Denied(_)
        | Cause::RefusedModule
        | Cause::RefusedDigest
        | Cause::RefusedPolicy
        | Cause::RefusedTenant
        | Cause::EscapedText
        | Cause::KilledParent
        | Cause::KilledOs
        | Cause::NoEffect
        | Cause::NotShown => None,
    };
    let key = match verdict {
        Verdict::Contained => limit_of(&cause?)?,
        Verdict::Breached => attack.contained_by.iter().find_map(limit_of)?,
        Verdict::Inconclusive | Verdict::Unsupported => return None,
    };
    if key == LimitKey::ModuleSize && verdict == Verdict::Contained {
        // What was refused was not used.
        return None;
    }
    let cap = in_force.limit(key)?;
    let measured = &run.measured;
    let host = [
        (LimitKey::Deadline, measured.wall_time),
        (LimitKey::CpuTime, measured.cpu_time),
        (LimitKey::Memory, measured.memory),
        (LimitKey::Output, measured.output),
        (LimitKey::Disk, measured.disk),
        (LimitKey::Files, measured.files),
    ];
    let by_host = host.into_iter().find(|(limit, _)| *limit == key).and_then(|(_, used)| used);
    let counted = run.usage.iter().find(|usage| usage.limit == key).and_then(|usage| usage.used);
    let used = by_host.or(counted)?;
    Some(Closeness { limit: key, cap, used, by_host: by_host.is_some(), overshoot: used.saturating_sub(cap) })
}

/// Which verdict of several on the same trial counts.
const fn badness(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Unsupported => 0,
        Verdict::Contained => 1,
        Verdict::Inconclusive => 2,
        Verdict::Breached => 3,
    }
}

/// The empty guest as an attack that wants nothing it could get.
pub(crate) fn empty_attack() -> Attack {
    Attack {
        id: "calibration".into(),
        class: "calibration".into(),
        title: "An empty guest".into(),
        why: String::new(),
        weakness: String::new(),
        kind: gauntlet_corpus::Kind::Guest,
        world: gauntlet_corpus::World::Preview1,
        layers: Vec::new(),
        requires: Vec::new(),
        alone: false,
        policy: gauntlet_policy::Policy::default(),
        language: None,
        entry: None,
        obtains: Obtains::HostDeath,
        obtains_text: "host death".into(),
        contained_by: Vec::new(),
        live: gauntlet_corpus::Live::None("it is no attack".into()),
        attack: EMPTY_GUEST.to_vec(),
        benign: EMPTY_GUEST.to_vec(),
        references: Vec::new(),
        subjects: Vec::new(),
        file: String::new(),
        span: gauntlet_policy::Span::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::run_of;

    fn skeleton() -> Trial {
        let example = gauntlet_record::example().trials.remove(0);
        Trial { verdict: Verdict::Breached, runs: Vec::new(), closeness: None, ..example }
    }

    fn in_force() -> Overlay {
        let policy = gauntlet_policy::Policy::parse("t", "version: 1\nlimits: { deadline: 1s, disk: unlimited }\n");
        Overlay::new(&policy.expect("a sound policy"), 0)
    }

    fn by_deadline() -> Attack {
        let deadline = Cause::Limit(LimitKey::Deadline);
        Attack {
            obtains: Obtains::Above(gauntlet_corpus::Quantity::WallTime, 3_000_000_000),
            contained_by: vec![deadline],
            ..empty_attack()
        }
    }

    fn timed(role: Role, wall: u64) -> Run {
        let mut run = run_of(role, role != Role::Attack);
        run.measured.wall_time = Some(wall);
        run.causes = vec![Cause::Limit(LimitKey::Deadline)];
        run
    }

    #[test]
    fn the_overshoot_is_what_the_host_measured_past_the_limit() {
        let run = timed(Role::Attack, 1_250_000_000);
        let trial =
            conclude(skeleton(), &by_deadline(), &in_force(), Ok(run), None, Some(Ok(run_of(Role::Benign, true))));
        assert_eq!(trial.verdict, Verdict::Contained);
        let expected = Closeness {
            limit: LimitKey::Deadline,
            cap: 1_000_000_000,
            used: 1_250_000_000,
            by_host: true,
            overshoot: 250_000_000,
        };
        assert_eq!(trial.closeness, Some(expected));
    }

    #[test]
    fn a_breach_says_how_far_past_the_limit_it_got() {
        let run = timed(Role::Attack, 5_000_000_000);
        let trial = conclude(skeleton(), &by_deadline(), &in_force(), Ok(run), None, None);
        assert_eq!(trial.verdict, Verdict::Breached);
        assert_eq!(trial.closeness.map(|closeness| closeness.overshoot), Some(4_000_000_000));
    }

    #[test]
    fn a_limit_that_the_host_cannot_see_is_taken_from_the_executor_and_an_unlimited_one_has_no_distance() {
        let mut run = run_of(Role::Attack, false);
        run.usage =
            vec![gauntlet_record::Usage { limit: LimitKey::Fuel, used: Some(7), cap: Some(9), unmeasured: None }];
        let fuel = Some(Cause::Limit(LimitKey::Fuel));
        let found = closeness(Verdict::Contained, fuel, &by_deadline(), &in_force(), &run).expect("counted");
        assert_eq!((found.used, found.by_host, found.overshoot), (7, false, 0));
        let disk = Some(Cause::Limit(LimitKey::Disk));
        assert_eq!(closeness(Verdict::Contained, disk, &by_deadline(), &in_force(), &run), None);
    }

    #[test]
    fn an_error_of_the_harness_hides_no_breach_and_contains_nothing() {
        let error = || Err("no room".to_owned());
        let breach = timed(Role::Attack, 5_000_000_000);
        let trial = conclude(skeleton(), &by_deadline(), &in_force(), Ok(breach), Some(error()), Some(error()));
        assert_eq!(trial.verdict, Verdict::Breached);
        let held = timed(Role::Attack, 1_000_000_000);
        let trial = conclude(skeleton(), &by_deadline(), &in_force(), Ok(held), None, Some(error()));
        assert_eq!((trial.verdict, trial.why), (Verdict::Inconclusive, Why::HarnessError));
        assert_eq!(trial.reason, "the benign twin could not be run: no room");
        let trial = conclude(skeleton(), &by_deadline(), &in_force(), error(), None, None);
        assert_eq!((trial.verdict, trial.why), (Verdict::Inconclusive, Why::HarnessError));
    }
}
