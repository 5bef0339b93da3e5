//! Proves the harness: executors that are broken on purpose have to be caught.

use std::sync::atomic::{AtomicBool, Ordering};

use gauntlet_corpus::{Attack, Live};
use gauntlet_record::{
    Backstopped, CaughtBy, Cause, Ending, EndingInfo, Measured, Mutation, MutationScore, Role, Run, Trial, Verdict, Why,
};
use gauntlet_target::Description;

use crate::judge::Evidence;
use crate::lanes::{Launcher, spread};
use crate::measure::Calibration;
use crate::plan::{Plan, TargetPlan};
use crate::run::{Progress, RunError, Stage, conclude};
use crate::trial::TargetChoice;

/// A judge with a mistake: the verdict that it gives.
pub type WrongJudge = fn(&Evidence<'_>) -> Verdict;

/// An executor, or a judge, that is broken on purpose.
#[derive(Debug, Clone)]
pub struct Mistake {
    /// Its name.
    pub name: String,
    /// The mistake, in one sentence.
    pub sentence: String,
    /// The mistake is in the reports: guest text is left as it is.
    pub unescaped: bool,
    /// The worlds and features it offers: an attack that it could not run anyway shows nothing.
    pub offers: Vec<String>,
    /// The protections it leaves out, by id, if it is our executor without them.
    pub left_out: Vec<String>,
    /// The judge, if it is the one who makes the mistake: no guest is run then.
    pub judge: Option<WrongJudge>,
}

impl Mistake {
    /// Whether an attack goes for a protection that this mistake leaves out.
    fn invites(&self, attack: &Attack) -> bool {
        let named = |id: &str| self.left_out.iter().any(|left_out| left_out == id);
        let stopped_by = |cause: &Cause| matches!(cause, Cause::Limit(key) if named(&key.to_string()));
        match &attack.live {
            Live::Lift(ids) => ids.iter().any(|id| named(id)),
            Live::Executor(name) => *name == self.name,
            Live::Overlay(_) | Live::Engine(_) | Live::None(_) => attack.contained_by.iter().any(stopped_by),
        }
    }
}

/// Runs the corpus against each broken executor, alone, and says which attacks catch it; then those attacks once more with the layers
/// behind the mistake in place, to see which layer holds.
///
/// `reference` are the trials of the same plan on its first target: only attacks that were contained there can catch anything, and their
/// live controls are the proof that they work. With `quick`, a mistake is done with when one attack has caught it, and those that go for
/// what it leaves out come first.
///
/// # Errors
///
/// If there is no place to run in.
pub fn selftest(
    plan: &Plan,
    reference: &[Trial],
    mistakes: &[Mistake],
    quick: bool,
    launcher: &Launcher,
    progress: &mut dyn FnMut(Progress<'_>),
    cancel: &AtomicBool,
) -> Result<MutationScore, RunError> {
    let stage = Stage::new(plan, launcher, cancel)?;
    let Some(target) = plan.targets.first() else {
        return Ok(MutationScore { caught: 0, total: 0, mutations: Vec::new() });
    };
    let contained = |attack: &&Attack| {
        let known = reference.iter().find(|trial| trial.attack == attack.id && trial.target == target.description.name);
        known.is_some_and(|trial| trial.verdict == Verdict::Contained)
    };
    let attacks: Vec<&Attack> = plan.attacks.iter().filter(contained).collect();
    let mut mutations = Vec::new();
    for mistake in mistakes {
        let bench = Bench { stage: &stage, target, mistake, reference };
        if let Some(judge) = mistake.judge {
            let mutation = bench.judged(&attacks, judge, quick);
            progress(Progress::Mutation { mutation: &mutation });
            mutations.push(mutation);
            continue;
        }
        let mut runnable = bench.runnable(&attacks);
        if quick {
            runnable.sort_by_key(|attack| !mistake.invites(attack));
        }
        let Some(mutation) = bench.mutation(&runnable, quick) else { break };
        progress(Progress::Mutation { mutation: &mutation });
        mutations.push(mutation);
    }
    let caught = mutations.iter().filter(|mutation| mutation.caught).count() as u64;
    // What was cancelled was not caught.
    Ok(MutationScore { caught, total: mistakes.len() as u64, mutations })
}

struct Bench<'a> {
    stage: &'a Stage<'a>,
    target: &'a TargetPlan,
    mistake: &'a Mistake,
    reference: &'a [Trial],
}

impl Bench<'_> {
    fn description(&self) -> Description {
        Description { offers: self.mistake.offers.clone(), ..self.target.description.clone() }
    }

    /// The attacks that the broken executor offers to run.
    fn runnable<'a>(&self, attacks: &[&'a Attack]) -> Vec<&'a Attack> {
        let target = TargetPlan { choice: self.target.choice.clone(), description: self.description() };
        attacks.iter().copied().filter(|attack| self.stage.plan.lacking(&target, attack).is_none()).collect()
    }

    /// A judge with a mistake, on evidence that our own does not call contained: made of the runs of the reference, one attack after the
    /// other. An attack catches the judge that calls such evidence contained.
    fn judged(&self, attacks: &[&Attack], judge: WrongJudge, quick: bool) -> Mutation {
        let mut caught_by = Vec::new();
        for attack in attacks {
            let trial = self.reference.iter().find(|trial| {
                trial.attack == attack.id && trial.target == self.target.description.name && !trial.runs.is_empty()
            });
            let fooled = trial.into_iter().flat_map(doctored).find_map(|[run, live, benign]| {
                let run = run?;
                let evidence = Evidence { attack, live: live.as_ref(), run: &run, benign: benign.as_ref() };
                let sound = evidence.judge().verdict;
                (sound != Verdict::Contained && judge(&evidence) == Verdict::Contained).then_some(sound)
            });
            caught_by.extend(fooled.map(|verdict| CaughtBy { attack: attack.id.clone(), verdict }));
            if quick && !caught_by.is_empty() {
                break;
            }
        }
        Mutation {
            name: self.mistake.name.clone(),
            mistake: self.mistake.sentence.clone(),
            caught: !caught_by.is_empty(),
            caught_by,
            backstopped: Vec::new(),
        }
    }

    /// One broken executor against all attacks; `None` if it was cancelled.
    fn mutation(&self, attacks: &[&Attack], quick: bool) -> Option<Mutation> {
        let bare = TargetChoice::Weakened { name: self.mistake.name.clone(), backstops: false };
        let base = self.stage.calibrate(&bare);
        let mut trials = self.all(&bare, attacks, base, quick)?;
        trials.retain(|(_, trial)| catches(trial));
        let backed = TargetChoice::Weakened { name: self.mistake.name.clone(), backstops: true };
        let again: Vec<&Attack> = trials.iter().map(|(index, _)| attacks[*index]).collect();
        let base = if again.is_empty() { base } else { self.stage.calibrate(&backed) };
        let held = self.all(&backed, &again, base, false)?;
        let backstopped = held.into_iter().filter_map(|(index, trial)| {
            let layer = trial.layer.filter(|_| trial.verdict == Verdict::Contained)?;
            Some(Backstopped { attack: again[index].id.clone(), layer })
        });
        Some(Mutation {
            name: self.mistake.name.clone(),
            mistake: self.mistake.sentence.clone(),
            caught: !trials.is_empty(),
            caught_by: trials
                .iter()
                .map(|(_, trial)| CaughtBy { attack: trial.attack.clone(), verdict: trial.verdict })
                .collect(),
            backstopped: backstopped.collect(),
        })
    }

    /// The trials on one executor, in the order of the attacks; `None` if they were cancelled.
    fn all(
        &self,
        choice: &TargetChoice,
        attacks: &[&Attack],
        base: Calibration,
        quick: bool,
    ) -> Option<Vec<(usize, Trial)>> {
        let found = AtomicBool::new(false);
        let mut trials: Vec<(usize, Trial)> = Vec::new();
        let (alone, beside): (Vec<usize>, Vec<usize>) = (0..attacks.len()).partition(|index| attacks[*index].alone);
        for (jobs, indices) in [(self.stage.plan.options.jobs, beside), (1, alone)] {
            let one = |index: usize| {
                if quick && found.load(Ordering::Relaxed) {
                    return None;
                }
                let trial = self.trial(choice, attacks[index], base)?;
                found.fetch_or(catches(&trial), Ordering::Relaxed);
                Some((index, trial))
            };
            spread(jobs, indices, one, |result| trials.push(result));
        }
        trials.sort_by_key(|(index, _)| *index);
        (!self.stage.cancelled()).then_some(trials)
    }

    /// One attack on one broken executor. The live control is the reference's; the benign twin runs here, where the attack got nothing:
    /// an executor that runs nothing is broken, too.
    fn trial(&self, choice: &TargetChoice, attack: &Attack, base: Calibration) -> Option<Trial> {
        let plan = self.stage.plan;
        let target = TargetPlan { choice: choice.clone(), description: self.description() };
        let mut under = plan.under_policy(choice, attack, Role::Attack);
        under.escaping = !self.mistake.unescaped;
        let run = self.stage.run(&target, attack, &under, base, 0)?;
        let nothing = run.as_ref().is_ok_and(|run| !run.obtained && run.measured.host_death.is_none());
        let benign = if nothing {
            let plan = plan.under_policy(choice, attack, Role::Benign);
            Some(self.stage.run(&target, attack, &plan, base, 0)?)
        } else {
            None
        };
        let live = self.reference_run(attack, Role::Live).map(Ok);
        Some(conclude(plan.skeleton(&target, attack), attack, &under.overlay, run, live, benign))
    }

    fn reference_run(&self, attack: &Attack, role: Role) -> Option<Run> {
        let trial = self
            .reference
            .iter()
            .find(|trial| trial.attack == attack.id && trial.target == self.target.description.name)?;
        trial.run(role).cloned()
    }
}

/// Evidence that proves nothing, or the opposite, made of the runs of a trial that was contained: the attack's run, the live control, the
/// benign twin.
fn doctored(trial: &Trial) -> Vec<[Option<Run>; 3]> {
    let (run, live, benign) = (trial.run(Role::Attack), trial.run(Role::Live), trial.run(Role::Benign));
    let with = |change: fn(&mut Run)| {
        let mut run = run.cloned();
        run.iter_mut().for_each(change);
        [run, live.cloned(), benign.cloned()]
    };
    let failed = |run: Option<&Run>| run.map(|run| Run { obtained: false, ..run.clone() });
    let mut all = vec![
        // Nobody did the harmless work.
        [run.cloned(), live.cloned(), failed(benign)],
        with(|run| run.measured.host_death = Some("SIGSEGV".to_owned())),
        with(|run| run.measured.watchdog = true),
        // The harness could not look.
        with(|run| run.measured = Measured { host_death: None, ..Measured::default() }),
        // The worker went without an answer, and no cause was seen.
        with(|run| {
            run.end = EndingInfo { ending: Ending::WorkerDied, cause: None, detail: None };
            run.causes.clear();
        }),
    ];
    if live.is_some() {
        // The attack has what it wanted: the live control's run in its place.
        all.push([live.cloned(), live.cloned(), benign.cloned()]);
        all.push([run.cloned(), failed(live), benign.cloned()]);
    }
    all
}

/// Whether a trial on a broken executor gives the mistake away: the guest obtained something, nothing ran at all, or the executor's word
/// was found out. An attack that merely ended in another way than on the reference shows nothing.
fn catches(trial: &Trial) -> bool {
    match trial.verdict {
        Verdict::Breached => true,
        Verdict::Inconclusive => match trial.why {
            Why::BenignFailed | Why::Disagrees => true,
            Why::Stopped
            | Why::StoppedSilently
            | Why::Obtained
            | Why::HostDied
            | Why::LiveFailed
            | Why::OtherCause
            | Why::NotMeasured
            | Why::HarnessError
            | Why::TooLarge
            | Why::Lacking => false,
        },
        Verdict::Contained | Verdict::Unsupported => false,
    }
}
