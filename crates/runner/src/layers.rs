//! Proves the depth: layers of defence are lifted, one at a time and in pairs, to see which of those that are left stops each attack.
//!
//! What a cause says of itself is not enough: a denied path may have been denied by the executor or by the kernel beneath it. So a layer
//! counts only if the attack obtains something once it is lifted, too. What the engine itself does with paths cannot be lifted: there a
//! native probe in the jail, which assumes the engine broken, shows whether the operating system stands behind it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use gauntlet_corpus::{Attack, Obtains, Region};
use gauntlet_record::{Cause, Grant, Layer, LimitKey, Role, Run, Trial, Verdict};
use serde::Serialize;

use crate::lanes::{Launcher, spread};
use crate::measure::Calibration;
use crate::plan::{Plan, TargetPlan, lifted};
use crate::run::{RunError, Stage};

/// The layers that can be lifted, in the order in which an attack meets them.
pub const LIFTED_LAYERS: [Layer; 4] = [Layer::Validation, Layer::Grants, Layer::Runtime, Layer::System];

/// The protections that a layer consists of, by id. Guest text in reports is escaped by the harness, and no layer of a sandbox.
#[must_use]
pub fn protections_of(layer: Layer) -> Vec<String> {
    let limits = LimitKey::ALL.iter().filter(|key| Cause::Limit(**key).layer() == layer).map(|key| key.as_str());
    let others: &[&str] = match layer {
        Layer::Validation => &["validation", Grant::Features.as_str(), Grant::Modules.as_str()],
        // `wasi-filesystem` is what WASI makes of the grants alone; the jail goes by the grants themselves.
        Layer::Grants => &[
            "wasi-filesystem",
            "special-files",
            "deterministic",
            Grant::Network.as_str(),
            Grant::Environment.as_str(),
            Grant::Arguments.as_str(),
            Grant::Stdin.as_str(),
            Grant::Clock.as_str(),
            Grant::Random.as_str(),
            Grant::Errors.as_str(),
        ],
        Layer::Runtime => &["on-denial"],
        Layer::System => &["jail"],
        Layer::Monitoring => &[],
    };
    limits.chain(others.iter().copied()).map(str::to_owned).collect()
}

/// What came of an attack with one layer lifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum WithoutLayer {
    /// The host saw what the attack wants, or the process died.
    Obtained,
    /// Something else stopped it: the cause, if one was seen.
    Stopped {
        /// The cause.
        cause: Option<Cause>,
    },
    /// Nothing can be said: the harness had to end it, or could not run it.
    Unknown {
        /// Why.
        why: String,
    },
}

/// How deep the defence against one attack is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Depth {
    /// The attack.
    pub attack: String,
    /// What stopped it with every layer in place.
    pub cause: Cause,
    /// What came of it with each layer lifted, in the order of [`LIFTED_LAYERS`].
    pub without: Vec<(Layer, WithoutLayer)>,
    /// The layers that were shown to stop it, each on its own. Fewer than two: nothing is behind the first, or nothing was shown to be.
    pub stopped_by: Vec<Layer>,
    /// The native probe that shows the second layer, where the first cannot be lifted.
    pub by_probe: Option<String>,
    /// Denials that were seen and reported with every layer in place.
    pub alerts: u64,
}

impl Depth {
    /// Whether a second layer was shown to stop the attack when the first is gone.
    #[must_use]
    pub const fn is_deep(&self) -> bool {
        self.stopped_by.len() > 1
    }
}

/// Lifts layers for each attack that was contained in `reference`, the trials of the same plan on its first target, native probes
/// included. Returns them in the plan's order; `finished` hears of each as it is done. A cancelled run returns what had finished.
///
/// # Errors
///
/// If there is no place to run in.
pub fn layers(
    plan: &Plan,
    reference: &[Trial],
    launcher: &Launcher,
    finished: &mut dyn FnMut(&Depth),
    cancel: &AtomicBool,
) -> Result<Vec<Depth>, RunError> {
    let stage = Stage::new(plan, launcher, cancel)?;
    let Some(target) = plan.targets.first() else { return Ok(Vec::new()) };
    let bench = Bench { stage: &stage, target, reference, bases: Mutex::default() };
    let trial_of = |attack: &Attack| {
        reference.iter().find(|trial| trial.attack == attack.id && trial.target == target.description.name)
    };
    let cells: Vec<(usize, &Attack, &Trial, Cause)> = plan
        .attacks
        .iter()
        .enumerate()
        .filter_map(|(index, attack)| {
            let trial = trial_of(attack).filter(|trial| trial.verdict == Verdict::Contained)?;
            Some((index, attack, trial, trial.cause?))
        })
        .collect();
    let mut depths = BTreeMap::new();
    let (alone, beside): (Vec<_>, Vec<_>) = cells.into_iter().partition(|(_, attack, ..)| attack.alone);
    for (jobs, cells) in [(plan.options.jobs, beside), (1, alone)] {
        let one = |(index, attack, trial, cause): (usize, &Attack, &Trial, Cause)| {
            Some((index, bench.depth(attack, trial, cause)?))
        };
        spread(jobs, cells, one, |(index, depth)| {
            finished(&depth);
            depths.insert(index, depth);
        });
    }
    Ok(depths.into_values().collect())
}

struct Bench<'a> {
    stage: &'a Stage<'a>,
    target: &'a TargetPlan,
    reference: &'a [Trial],
    /// What an empty guest uses with some layers lifted.
    bases: Mutex<BTreeMap<Vec<Layer>, Calibration>>,
}

impl Bench<'_> {
    fn depth(&self, attack: &Attack, trial: &Trial, cause: Cause) -> Option<Depth> {
        let first = cause.layer();
        let mut without = Vec::new();
        for layer in LIFTED_LAYERS {
            without.push((layer, self.lifting(attack, &[layer])?));
        }
        let mut stopped_by = vec![first];
        let alone = without.iter().find(|(layer, _)| *layer == first).map(|(_, what)| what.clone());
        let mut by_probe = None;
        if alone.is_some_and(|what| matches!(what, WithoutLayer::Stopped { .. })) {
            // Something else holds, or the first layer cannot be lifted: the second one to go tells.
            for second in LIFTED_LAYERS.into_iter().filter(|layer| *layer != first) {
                if self.lifting(attack, &[first, second])? == WithoutLayer::Obtained {
                    stopped_by.push(second);
                }
            }
            if stopped_by.len() == 1 && self.lifting(attack, &LIFTED_LAYERS)? == WithoutLayer::Obtained {
                // No second layer does for itself: several stand behind the first.
                stopped_by.extend(LIFTED_LAYERS.into_iter().filter(|layer| {
                    *layer != first
                        && without.iter().any(|(_, what)| matches!(what, WithoutLayer::Stopped { cause: Some(cause) } if cause.layer() == *layer))
                }));
            }
            if stopped_by.len() == 1 && first != Layer::System {
                by_probe = probe_of(attack, cause).filter(|probe| self.holds(probe)).map(str::to_owned);
                stopped_by.extend(by_probe.iter().map(|_| Layer::System));
            }
        }
        let alerts = trial.run(Role::Attack).map_or(0, |run| run.denials.iter().map(|denial| denial.count).sum());
        Some(Depth { attack: attack.id.clone(), cause, without, stopped_by, by_probe, alerts })
    }

    /// Whether the jail was shown to stop a native probe: by one mechanism at least, and none that this host has let it through.
    fn holds(&self, probe: &str) -> bool {
        let of = self.reference.iter().filter(|trial| trial.attack.split('#').next() == Some(probe));
        let mut tried = of.filter(|trial| trial.verdict != Verdict::Unsupported).peekable();
        tried.peek().is_some() && tried.all(|trial| trial.verdict == Verdict::Contained && trial.witnessed)
    }

    /// One run with some layers lifted; `None` if it was cancelled.
    fn lifting(&self, attack: &Attack, layers: &[Layer]) -> Option<WithoutLayer> {
        let ids: Vec<String> = layers.iter().flat_map(|layer| protections_of(*layer)).collect();
        let Some(choice) = lifted(&self.target.choice, &ids) else {
            return Some(WithoutLayer::Unknown { why: "the target cannot be opened".to_owned() });
        };
        let known = self.bases.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(layers).copied();
        let base = known.unwrap_or_else(|| self.stage.calibrate(&choice));
        self.bases.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(layers.to_vec(), base);
        let target = TargetPlan { choice: choice.clone(), description: self.target.description.clone() };
        let under = self.stage.plan.under_policy(&choice, attack, Role::Attack);
        Some(match self.stage.run(&target, attack, &under, base, 0)? {
            Ok(run) => outcome(attack, &run),
            Err(why) => WithoutLayer::Unknown { why },
        })
    }
}

/// The native probe that tries by itself what an attack on a path or an address wants.
fn probe_of(attack: &Attack, cause: Cause) -> Option<&'static str> {
    let Cause::Denied(_) = cause else { return None };
    match attack.obtains {
        Obtains::Canary(_) => Some("isolation/read-host-file"),
        Obtains::Changed(Region::Outside) => Some("isolation/make-host-directory"),
        Obtains::Packet(_) => Some("isolation/connect"),
        Obtains::Changed(Region::ReadOnly)
        | Obtains::Above(..)
        | Obtains::HostDeath
        | Obtains::Report(_)
        | Obtains::RanMarker => None,
    }
}

fn outcome(attack: &Attack, run: &Run) -> WithoutLayer {
    if run.obtained || run.measured.host_death.is_some() {
        return WithoutLayer::Obtained;
    }
    if run.measured.watchdog || run.measured.ceiling {
        return WithoutLayer::Unknown { why: "the harness ended it".to_owned() };
    }
    let listed = run.causes.iter().find(|cause| attack.contained_by.contains(cause));
    let other = run.causes.iter().find(|cause| !matches!(cause, Cause::EscapedText));
    WithoutLayer::Stopped { cause: listed.or(other).copied() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::run_of;
    use crate::run::empty_attack;

    #[test]
    fn every_limit_belongs_to_exactly_one_layer_that_can_be_lifted() {
        for key in LimitKey::ALL {
            let of = LIFTED_LAYERS.iter().filter(|layer| protections_of(**layer).iter().any(|id| id == key.as_str()));
            assert_eq!(of.count(), 1, "{key}");
        }
        assert!(protections_of(Layer::Monitoring).is_empty());
    }

    #[test]
    fn a_probe_stands_for_what_it_tries_itself_and_nothing_else() {
        let path = Cause::Denied(gauntlet_record::DenialKind::Path);
        let outside = Attack { obtains: Obtains::Changed(Region::Outside), ..empty_attack() };
        assert_eq!(probe_of(&outside, path), Some("isolation/make-host-directory"));
        assert_eq!(probe_of(&outside, Cause::NoEffect), None);
        let read_only = Attack { obtains: Obtains::Changed(Region::ReadOnly), ..empty_attack() };
        assert_eq!(probe_of(&read_only, path), None);
    }

    #[test]
    fn what_was_measured_decides_and_not_what_was_denied() {
        let attack = empty_attack();
        let cause = Cause::Limit(LimitKey::Memory);
        let mut run = run_of(Role::Attack, true);
        run.causes = vec![cause];
        assert_eq!(outcome(&attack, &run), WithoutLayer::Obtained);
        run.obtained = false;
        assert_eq!(outcome(&attack, &run), WithoutLayer::Stopped { cause: Some(cause) });
        run.measured.watchdog = true;
        assert!(matches!(outcome(&attack, &run), WithoutLayer::Unknown { .. }));
        run.measured.host_death = Some("SIGSEGV".to_owned());
        assert_eq!(outcome(&attack, &run), WithoutLayer::Obtained);
    }
}
