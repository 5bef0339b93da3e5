//! The loop on a stable compiler: case after case of one pair and one seed, until a time or a number.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use arbitrary::Unstructured;
use serde::{Deserialize, Serialize};

use crate::observe::quietly;
use crate::pairs::{Bench, Bound, Counts, Depth, Health, Pair};
use crate::random::SplitMix64;
use crate::{Case, Finding};

/// When a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// At a time.
    Instant(Instant),
    /// Before the case of this number.
    Case(u64),
}

impl Until {
    fn is_over(self, case: u64) -> bool {
        match self {
            Self::Instant(end) => Instant::now() >= end,
            Self::Case(most) => case >= most,
        }
    }
}

/// How a run goes. A rate says nothing without the figures of health beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Cases, whatever came of them.
    pub cases: u64,
    /// Cases whose bytes made nothing.
    pub without_case: u64,
    /// Findings, each time one was seen.
    pub findings: u64,
    /// What the pair counted.
    pub counts: Counts,
    /// Time since the start.
    pub elapsed: Duration,
}

impl Stats {
    /// Executions: calls of guests where the pair calls any, cases elsewhere.
    #[must_use]
    pub fn executions(&self) -> u64 {
        self.counts.get("calls").max(self.counts.get("executions")).max(self.cases)
    }

    /// Executions a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        ratio(self.executions(), 1) / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// Adds those of another process; the longest time counts.
    pub fn merge(&mut self, other: &Self) {
        self.cases += other.cases;
        self.without_case += other.without_case;
        self.findings += other.findings;
        self.counts.merge(&other.counts);
        self.elapsed = self.elapsed.max(other.elapsed);
    }

    /// The figures of a pair's health.
    #[must_use]
    pub fn health(&self, pair: &Pair) -> Vec<Figure> {
        let whole = |health: &Health| self.counts.get(health.whole);
        pair.health.iter().map(|health| Figure::new(health, self.counts.get(health.part), whole(health))).collect()
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} cases, {} executions, {:.0}/s, {} finding(s)",
            self.cases,
            self.executions(),
            self.per_second(),
            self.findings
        )
    }
}

/// A figure of health with its bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// What it says.
    pub name: &'static str,
    /// Its value; `None` if there was nothing to count.
    pub value: Option<f64>,
    /// What it is held to.
    pub bound: Bound,
}

/// Too few cases to say that a figure dropped.
const ENOUGH: u64 = 50;

impl Figure {
    fn new(health: &Health, part: u64, whole: u64) -> Self {
        let value = (whole > 0).then(|| ratio(part, whole));
        // A figure of a few cases says nothing, so it is shown and held to nothing.
        let bound = match health.bound {
            Bound::AtLeast(_) if whole < ENOUGH => Bound::AtLeast(0.0),
            Bound::AtMost(_) if whole < ENOUGH => Bound::AtMost(f64::MAX),
            bound => bound,
        };
        Self { name: health.name, value, bound }
    }

    /// Whether it is within its bound.
    #[must_use]
    pub fn holds(&self) -> bool {
        match (self.value, self.bound) {
            (None, _) => true,
            (Some(value), Bound::AtLeast(least)) => value >= least,
            (Some(value), Bound::AtMost(most)) => value <= most,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.holds() { "" } else { " LOW" };
        match (self.value, self.bound) {
            (None, _) => write!(f, "{} -", self.name),
            (Some(value), Bound::AtMost(most)) if most < f64::MAX => {
                write!(f, "{} {value:.3} (at most {most}){}", self.name, if mark.is_empty() { "" } else { " HIGH" })
            }
            (Some(value), Bound::AtLeast(least)) if least > 0.0 => {
                write!(f, "{} {value:.3} (at least {least}){mark}", self.name)
            }
            (Some(value), _) => write!(f, "{} {value:.3}", self.name),
        }
    }
}

/// Where a case is, for whoever has to say what killed the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The case is being made.
    Generate,
    /// It is being run.
    Run,
}

/// Who is told what happens. An error ends the run: what cannot be written down must not be lost by going on.
pub trait Watch {
    /// A case begins, or goes on to its next stage.
    ///
    /// # Errors
    ///
    /// If it cannot be written down.
    fn stage(&mut self, case: u64, stage: Stage) -> io::Result<()>;

    /// Something was found.
    ///
    /// # Errors
    ///
    /// If it cannot be stored.
    fn found(&mut self, number: u64, finding: &Finding, case: &Case) -> io::Result<()>;

    /// A case is over. Says whether to go on.
    fn over(&mut self, stats: &Stats) -> bool;
}

/// Why a run ended before its time.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// The target cannot hold this policy on this host, so that no case says anything.
    #[error("nothing is fuzzed: {0}")]
    Setup(String),
    /// Something could not be written down.
    #[error("what was found cannot be stored")]
    Store(#[from] io::Error),
    /// The generator makes what its own pair does not read.
    #[error("the generator of `{pair}` makes what the pair does not read: {why}")]
    Generator {
        /// The pair.
        pair: &'static str,
        /// Why not.
        why: String,
    },
}

/// A pair on a bench. The same seed makes the same cases, and each case stands alone.
pub struct Driver<'a> {
    /// The pair.
    pub pair: &'static Pair,
    /// What the cases are run with.
    pub bench: &'a Bench<'a>,
    /// The seed.
    pub seed: u64,
    /// The number of the first case.
    pub from: u64,
    /// How many numbers it goes on by: that of the processes that share the cases.
    pub step: u64,
}

impl Driver<'_> {
    /// The case of a number; `None` if its bytes make none.
    ///
    /// # Errors
    ///
    /// If the generator panicked: its message.
    pub fn case(&self, number: u64) -> Result<Option<Case>, String> {
        case(self.pair, self.bench, self.seed, number)
    }

    /// Runs cases until the end.
    ///
    /// # Errors
    ///
    /// If it ends early; what was found until then is stored.
    pub fn run(&self, until: Until, watch: &mut dyn Watch) -> Result<Stats, DriverError> {
        let start = Instant::now();
        let mut stats = Stats::default();
        let mut number = self.from;
        while !until.is_over(number) {
            watch.stage(number, Stage::Generate)?;
            match self.case(number) {
                Err(panic) => {
                    stats.findings += 1;
                    let finding = Finding::of("no-host-panic", &format!("the generator panicked: {panic}"));
                    watch.found(number, &finding, &Case::default())?;
                }
                Ok(None) => stats.without_case += 1,
                Ok(Some(case)) => {
                    watch.stage(number, Stage::Run)?;
                    let ran = (self.pair.run)(self.bench, &case, Depth::of(number));
                    stats.counts.merge(&ran.counts);
                    if let Some(why) = ran.setup {
                        return Err(DriverError::Setup(why));
                    }
                    if let Some(why) = ran.unreadable {
                        return Err(DriverError::Generator { pair: self.pair.id, why });
                    }
                    for finding in &ran.findings {
                        stats.findings += 1;
                        watch.found(number, finding, &case)?;
                    }
                }
            }
            stats.cases += 1;
            stats.elapsed = start.elapsed();
            if !watch.over(&stats) {
                break;
            }
            number += self.step;
        }
        stats.elapsed = start.elapsed();
        Ok(stats)
    }
}

/// The case of a number of a seed.
///
/// # Errors
///
/// If the generator panicked: its message.
pub fn case(pair: &Pair, bench: &Bench<'_>, seed: u64, number: u64) -> Result<Option<Case>, String> {
    let bytes = SplitMix64::of(seed, number).bytes(pair.bytes);
    quietly(|| (pair.generate)(bench, &mut Unstructured::new(&bytes)).ok())
}

/// The case that bytes make: those of an envelope as it is, whatever made it; others through the generator.
#[must_use]
pub fn case_of_bytes(pair: &Pair, bench: &Bench<'_>, bytes: &[u8]) -> Option<Case> {
    match Case::from_envelope(bytes) {
        Some((id, case)) if id == pair.id => Some(case),
        _ => (pair.generate)(bench, &mut Unstructured::new(bytes)).ok(),
    }
}

/// A quotient of counts. They are far below 2^52, so nothing is lost that anybody could see.
fn ratio(part: u64, whole: u64) -> f64 {
    let float = |number: u64| u32::try_from(number).map_or(f64::from(u32::MAX), f64::from);
    // Counts beyond 32 bits are scaled down together.
    let scale = part.max(whole) >> 32;
    float(part / (scale + 1)) / float(whole / (scale + 1)).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pairs::pair;

    #[test]
    fn a_figure_below_its_bound_is_low_and_one_of_few_cases_is_held_to_nothing() {
        let pair = pair("core-modules").unwrap();
        let mut stats = Stats::default();
        for (name, count) in [("modules", 100), ("accepted", 97), ("with-code", 99), ("calls", 140)] {
            stats.counts.add(name, count);
        }
        let figures = stats.health(pair);
        assert_eq!(figures.iter().map(Figure::holds).collect::<Vec<_>>(), [false, true, true]);
        assert_eq!(figures[0].to_string(), "accepted 0.970 (at least 0.98) LOW");
        let mut few = Stats::default();
        few.counts.add("modules", 10);
        assert!(few.health(pair).iter().all(Figure::holds));
    }

    #[test]
    fn quotients_of_large_counts_are_right() {
        assert!((ratio(1 << 40, 1 << 41) - 0.5).abs() < 1e-6);
        assert!((ratio(3, 4) - 0.75).abs() < 1e-9);
    }
}
