//! The loop on a stable compiler: case after case of one seed, until a time or a number.

use std::fmt;
use std::time::{Duration, Instant};

use gauntlet_policy::Policy;
use gauntlet_record::{Cause, Ending, LimitKey};
use gauntlet_target::{Outcome, Target, TargetError};

use crate::judge::{Answer, Input, Judged, judge};
use crate::{Crash, Oracle};

/// Every so many cases one is run twice, if an oracle compares: one in eight costs an eighth of the rate.
const TWICE_EVERY: u64 = 8;
/// Most crashes that are kept of a run. A bug that every case meets must not fill the memory; all are counted.
const KEPT: usize = 100;

/// When a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// At a time.
    Instant(Instant),
    /// After so many cases.
    Cases(u64),
}

/// How a run goes. A rate says nothing without the share of modules that were accepted and had code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Cases, whatever came of them.
    pub cases: u64,
    /// Cases whose bytes made no module.
    pub without_module: u64,
    /// Modules that were accepted: compiled and run.
    pub accepted: u64,
    /// Modules with code worth running.
    pub with_code: u64,
    /// How often a guest was called, second runs included.
    pub calls: u64,
    /// Calls that ended in a trap.
    pub trapped: u64,
    /// Findings, those that were not kept included.
    pub findings: u64,
    /// Time since the start.
    pub elapsed: Duration,
}

impl Stats {
    /// Cases a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        share(self.cases, 1) / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// The share of modules that were accepted, from 0 to 1.
    #[must_use]
    pub fn accepted_share(&self) -> f64 {
        share(self.accepted, self.modules())
    }

    /// The share of modules with code, from 0 to 1.
    #[must_use]
    pub fn code_share(&self) -> f64 {
        share(self.with_code, self.modules())
    }

    /// Modules that were made.
    #[must_use]
    pub const fn modules(&self) -> u64 {
        self.cases - self.without_module
    }

    fn count(&mut self, answer: &Answer) -> bool {
        let Some(outcome) = answer.outcome() else { return false };
        let accepted = was_accepted(outcome);
        self.calls += u64::from(accepted);
        self.trapped += u64::from(outcome.ending.ending == Ending::Trapped);
        accepted
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} cases, {:.0}/s, {:.1} % accepted, {:.1} % with code, {} calls, {} trapped, {} finding(s)",
            self.cases,
            self.per_second(),
            self.accepted_share() * 100.0,
            self.code_share() * 100.0,
            self.calls,
            self.trapped,
            self.findings,
        )
    }
}

/// What a run found.
#[derive(Debug, Default)]
pub struct Report {
    /// How it went.
    pub stats: Stats,
    /// The first findings, each guest once for each oracle.
    pub crashes: Vec<Crash>,
    /// Why it ended early, if it did: the target cannot hold this policy on this host, so that no case says anything.
    pub stopped: Option<TargetError>,
}

/// A generator, a target and oracles. The same seed makes the same cases.
pub struct Driver<'a> {
    /// What is fuzzed.
    pub target: &'a dyn Target,
    /// The policy of every case.
    pub policy: &'a Policy,
    /// The seed.
    pub seed: u64,
    /// What is asked of every answer.
    pub oracles: &'a [Oracle],
}

impl Driver<'_> {
    /// Runs cases until the end, and tells `progress` after each.
    pub fn run(&self, until: Until, progress: &mut dyn FnMut(&Stats)) -> Report {
        let start = Instant::now();
        let mut report = Report::default();
        let compares = self.oracles.iter().any(|oracle| oracle.compares);
        while report.stopped.is_none() && !until.is_over(report.stats.cases) {
            let number = report.stats.cases;
            let twice = compares && number.is_multiple_of(TWICE_EVERY);
            let judged = judge(self.target, self.policy, self.oracles, &Input::new(self.seed, number), twice);
            report.stats.cases += 1;
            match judged {
                Some(judged) => report.take(judged),
                None => report.stats.without_module += 1,
            }
            report.stats.elapsed = start.elapsed();
            progress(&report.stats);
        }
        report
    }
}

impl Until {
    fn is_over(self, cases: u64) -> bool {
        match self {
            Self::Instant(end) => Instant::now() >= end,
            Self::Cases(most) => cases >= most,
        }
    }
}

impl Report {
    fn take(&mut self, judged: Judged<'_>) {
        let stats = &mut self.stats;
        stats.with_code += u64::from(judged.module.has_code);
        stats.accepted += u64::from(stats.count(&judged.observation.answer));
        if let Some(again) = &judged.observation.again {
            stats.count(again);
        }
        stats.findings += judged.crashes.len() as u64;
        let setup = judged.setup_error().is_some();
        for crash in judged.crashes {
            if self.crashes.len() < KEPT && !self.crashes.iter().any(|known| known.name() == crash.name()) {
                self.crashes.push(crash);
            }
        }
        if setup && let Answer::Error(error) = judged.observation.answer {
            self.stopped = Some(error);
        }
    }
}

/// Whether the guest got as far as running.
fn was_accepted(outcome: &Outcome) -> bool {
    let before = |cause: Cause| {
        matches!(
            cause,
            Cause::Limit(LimitKey::ModuleSize | LimitKey::CompileTime | LimitKey::CompileMemory)
                | Cause::RefusedModule
                | Cause::RefusedDigest
                | Cause::RefusedPolicy
                | Cause::RefusedTenant
        )
    };
    match outcome.ending.ending {
        Ending::Returned | Ending::Exited | Ending::Trapped => true,
        Ending::LimitReached => !outcome.ending.cause.is_some_and(before),
        Ending::Refused | Ending::WorkerDied => false,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share for people, not a quantity")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use gauntlet_target::{Description, Job};

    use super::*;
    use crate::{ORACLES, POLICY};

    /// A target that answers what a function says.
    struct Fake<F>(F);

    impl<F: Fn(&Job) -> Result<Outcome, TargetError>> Target for Fake<F> {
        fn describe(&self) -> Description {
            Description { name: "fake".into(), engine: "none".into(), version: "0".into(), offers: vec!["core".into()] }
        }

        fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
            (self.0)(job)
        }
    }

    fn policy() -> Policy {
        Policy::parse("fuzz", POLICY).unwrap()
    }

    fn run(target: &dyn Target, seed: u64, cases: u64) -> Report {
        Driver { target, policy: &policy(), seed, oracles: ORACLES }.run(Until::Cases(cases), &mut |_| ())
    }

    #[test]
    fn a_sound_target_gives_no_finding() {
        let report = run(&Fake(|_: &Job| Ok(Outcome::default())), 1, 50);
        assert_eq!(report.crashes, []);
        assert_eq!((report.stats.cases, report.stats.findings), (50, 0));
        // Every eighth case is called twice: 0, 8, 16, 24, 32, 40, 48.
        assert_eq!((report.stats.accepted, report.stats.calls), (report.stats.modules(), report.stats.modules() + 7));
    }

    #[test]
    fn the_same_seed_makes_the_same_cases_and_findings() {
        let ran = |seed| {
            let seen = RefCell::new(Vec::new());
            let target = Fake(|job: &Job| {
                seen.borrow_mut().push((job.guest.clone(), job.nonce.clone()));
                Err(TargetError::Protocol("no".into()))
            });
            let report = run(&target, seed, 20);
            (seen.take(), report.crashes, Stats { elapsed: Duration::ZERO, ..report.stats })
        };
        assert_eq!(ran(5), ran(5));
        assert_ne!(ran(5).0, ran(6).0);
    }

    #[test]
    fn a_panic_is_a_finding_with_its_guest_and_not_the_end() {
        let report = run(&Fake(|_: &Job| panic!("lost the store\u{1b}[31m")), 1, 3);
        assert_eq!(report.stats.cases, 3);
        assert_eq!(report.crashes.len(), 3);
        let crash = &report.crashes[0];
        assert_eq!((crash.oracle.as_str(), crash.seed, crash.case), ("no-host-panic", 1, 0));
        assert!(crash.wasm.starts_with(b"\0asm") && crash.policy_text == POLICY);
        assert!(crash.message.contains("lost the store\\u{1b}"), "{}", crash.message);
        assert_eq!((report.stats.accepted, report.stats.calls), (0, 0));
    }

    #[test]
    fn only_so_many_crashes_are_kept_and_all_are_counted() {
        let report = run(&Fake(|_: &Job| Err(TargetError::Protocol("no".into()))), 1, 130);
        assert_eq!((report.crashes.len(), report.stats.findings), (KEPT, report.stats.modules()));
    }

    #[test]
    fn a_policy_that_the_target_cannot_hold_ends_the_run() {
        let report =
            run(&Fake(|_: &Job| Err(TargetError::LimitUnenforced { key: "disk".into(), why: "no".into() })), 1, 50);
        assert_eq!((report.stats.cases, report.crashes.len()), (1, 0));
        assert!(matches!(report.stopped, Some(TargetError::LimitUnenforced { .. })));
    }

    #[test]
    fn the_rate_is_never_shown_without_the_accepted_share() {
        let refuse = Fake(|_: &Job| Ok(Outcome::refused(Cause::RefusedModule, "no")));
        let mut shown = String::new();
        let policy = policy();
        let driver = Driver { target: &refuse, policy: &policy, seed: 1, oracles: ORACLES };
        let report = driver.run(Until::Cases(10), &mut |stats| shown = stats.to_string());
        assert_eq!(report.stats.accepted, 0);
        assert!(shown.starts_with("10 cases, ") && shown.contains(" 0.0 % accepted, 100.0 % with code"), "{shown}");
    }

    #[test]
    fn a_time_in_the_past_runs_nothing() {
        let target = Fake(|_: &Job| Ok(Outcome::default()));
        let policy = policy();
        let driver = Driver { target: &target, policy: &policy, seed: 1, oracles: ORACLES };
        assert_eq!(driver.run(Until::Instant(Instant::now()), &mut |_| ()).stats.cases, 0);
    }
}
