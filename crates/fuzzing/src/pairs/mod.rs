//! Pairs of a generator and its oracles, one file each: what the driver walks.

pub mod components;
pub mod core_modules;
pub mod corpus_mutations;
pub mod differential;
pub mod jobs;
pub mod judge;
pub mod limits;
pub mod many_runs;
pub mod policies;
pub mod reports;
pub mod wasi_sequences;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Instant;

use arbitrary::Unstructured;
use gauntlet_corpus::Corpus;
use gauntlet_policy::Policy;
use gauntlet_record::{Cause, Ending, GuestText, LimitKey, digest};
use gauntlet_runner::WrongJudge;
use gauntlet_target::{Job, Outcome, Target};

use crate::oracles::{check, is_setup};
use crate::{Answer, Case, Expected, Finding, Observation};

/// Every pair, in the order in which a run without a name goes through them.
pub const PAIRS: &[Pair] = &[
    core_modules::PAIR,
    limits::PAIR,
    many_runs::PAIR,
    components::PAIR,
    corpus_mutations::PAIR,
    differential::PAIR,
    jobs::PAIR,
    wasi_sequences::PAIR,
    wasi_sequences::WITHOUT_OPENAT2,
    policies::PAIR,
    reports::PAIR,
    judge::PAIR,
];

/// The pair of an id.
#[must_use]
pub fn pair(id: &str) -> Option<&'static Pair> {
    PAIRS.iter().find(|pair| pair.id == id)
}

/// A generator with the oracles that look at what comes of its cases.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    /// Its id: the name of its file, and of the target in `fuzz/`.
    pub id: &'static str,
    /// What it does, in one sentence without a full stop.
    pub summary: &'static str,
    /// Bytes that a case is made from.
    pub bytes: usize,
    /// Whether the executor runs guests in its cases; one without fuzzes our own code.
    pub runs_guests: bool,
    /// Makes a case from bytes.
    pub generate: fn(&Bench<'_>, &mut Unstructured<'_>) -> arbitrary::Result<Case>,
    /// Runs a case and asks the oracles.
    pub run: fn(&Bench<'_>, &Case, Depth) -> Ran,
    /// The figures that say whether it gets through the door.
    pub health: &'static [Health],
}

/// A figure with its least value: a part of a whole, both counted by the pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Health {
    /// What it says.
    pub name: &'static str,
    /// The counter above the line.
    pub part: &'static str,
    /// The counter below it.
    pub whole: &'static str,
    /// The value it has to reach; for a figure that has to stay low, the most.
    pub bound: Bound,
}

/// What a figure is held to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// No less.
    AtLeast(f64),
    /// No more.
    AtMost(f64),
}

/// The three figures of every pair that makes modules.
pub(crate) const MODULE_HEALTH: &[Health] = &[
    Health { name: "accepted", part: "accepted", whole: "modules", bound: Bound::AtLeast(0.98) },
    Health { name: "with code", part: "with-code", whole: "modules", bound: Bound::AtLeast(0.99) },
    Health { name: "calls a module", part: "calls", whole: "modules", bound: Bound::AtLeast(1.4) },
];

/// What a case is run with.
pub struct Bench<'a> {
    /// The executor.
    pub target: &'a dyn Target,
    /// The other placement, if there is one.
    pub elsewhere: Option<&'a dyn Target>,
    /// The policy that cases begin with.
    pub policy: &'a Policy,
    /// The attacks that are mutated.
    pub corpus: &'a Corpus,
    /// Texts of sound policies, to begin with.
    pub policies: &'a [(&'a str, &'a str)],
    /// Whether the executor loads a policy, from its text; why not, if it does not.
    pub loads: &'a dyn Fn(&str) -> Result<(), String>,
    /// Who judges evidence.
    pub judge: WrongJudge,
    /// Runs the sequence of calls of a case, in folders that are kept from one to the next: [`SequenceBench::run`](crate::SequenceBench::run).
    pub sequences: &'a dyn Fn(&Case, Depth) -> Ran,
    /// How many sequences a case is: more than one where each run costs a process.
    pub sequences_a_case: u32,
    /// What becomes of a guest's text on its way to a record.
    pub escape: fn(&[u8]) -> GuestText,
}

impl<'a> Bench<'a> {
    /// The policy of a case: that of the bench, most of the time.
    ///
    /// # Errors
    ///
    /// If the case's own cannot be read: the first of its faults.
    pub fn policy_of(&self, case: &Case) -> Result<Cow<'a, Policy>, String> {
        if case.policy == self.policy.text {
            return Ok(Cow::Borrowed(self.policy));
        }
        let parsed = Policy::parse("case", &case.policy);
        parsed.map(Cow::Owned).map_err(|faults| {
            let first = faults.first().map(|fault| fault.message.clone()).unwrap_or_default();
            format!("the case's policy cannot be read: {first}")
        })
    }
}

/// How much is asked of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// What is asked of every case.
    Cheap,
    /// What costs another run: twice, and under a tighter policy.
    Twice,
    /// All, the other placement included. Replays ask for it.
    All,
}

impl Depth {
    /// The depth of a case by its number: one in eight is run twice, one in 512 elsewhere as well.
    #[must_use]
    pub const fn of(case: u64) -> Self {
        if case % 512 == 511 {
            Self::All
        } else if case.is_multiple_of(8) {
            Self::Twice
        } else {
            Self::Cheap
        }
    }
}

/// What came of a case.
#[derive(Debug, Default)]
pub struct Ran {
    /// What the oracles found.
    pub findings: Vec<Finding>,
    /// What was counted.
    pub counts: Counts,
    /// Why the target could not run any guest under this policy on this host: then the case says nothing, nor will another.
    pub setup: Option<String>,
    /// Why the case could not be run: its lines or its policy are not what the pair reads.
    pub unreadable: Option<String>,
}

impl Ran {
    /// A case that could not be read.
    #[must_use]
    pub fn unreadable(why: impl Into<String>) -> Self {
        Self { unreadable: Some(why.into()), ..Self::default() }
    }
}

/// Counters by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counts(pub BTreeMap<String, u64>);

impl Counts {
    /// Adds to a counter.
    pub fn add(&mut self, name: &str, by: u64) {
        match self.0.get_mut(name) {
            Some(count) => *count += by,
            None => drop(self.0.insert(name.to_owned(), by)),
        }
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|(name, by)| self.add(name, *by));
    }

    /// A counter.
    #[must_use]
    pub fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }
}

/// One job of a case, judged by all oracles about jobs.
pub(crate) struct Asked<'a> {
    pub(crate) guest: &'a [u8],
    pub(crate) policy: &'a Policy,
    pub(crate) nonce: String,
    pub(crate) entry: Option<String>,
    pub(crate) expected: Option<Expected>,
}

impl<'a> Asked<'a> {
    pub(crate) fn new(guest: &'a [u8], policy: &'a Policy) -> Self {
        Self { guest, policy, nonce: nonce(guest), entry: None, expected: None }
    }

    pub(crate) fn job(&self) -> Job {
        Job {
            guest: self.guest.to_vec(),
            policy: self.policy.clone(),
            nonce: self.nonce.clone(),
            entry: self.entry.clone(),
            ..Job::default()
        }
    }

    /// Runs it as deep as is asked for, and takes what was found and counted.
    pub(crate) fn run(&self, bench: &Bench<'_>, depth: Depth, ran: &mut Ran) {
        let mut job = self.job();
        let start = Instant::now();
        let answer = Answer::of(bench.target, &job);
        let took = start.elapsed();
        self.seen(bench, &mut job, answer, Some(took), depth, ran);
    }

    /// Judges an answer to a job that the caller made.
    pub(crate) fn judged(&self, bench: &Bench<'_>, job: &mut Job, answer: Answer, depth: Depth, ran: &mut Ran) {
        self.seen(bench, job, answer, None, depth, ran);
    }

    fn seen(
        &self,
        bench: &Bench<'_>,
        job: &mut Job,
        answer: Answer,
        took: Option<std::time::Duration>,
        depth: Depth,
        ran: &mut Ran,
    ) {
        let mut seen =
            Observation { took, expected: self.expected, ..Observation::new(self.guest, self.policy, answer) };
        count(&seen.answer, &mut ran.counts);
        if let Answer::Error(error) = &seen.answer
            && is_setup(error)
        {
            ran.setup = Some(gauntlet_target::error_chain(error));
        }
        if depth >= Depth::Twice {
            seen.again = Some(Answer::of(bench.target, job));
            count(seen.again.as_ref().unwrap_or(&seen.answer), &mut ran.counts);
        }
        if depth == Depth::All {
            seen.elsewhere = bench.elsewhere.map(|other| Answer::of(other, job));
            if let Some(tighter) = tighter(self.policy, seen.answer.outcome()) {
                job.policy = tighter.clone();
                seen.tighter = Some((tighter, Answer::of(bench.target, job)));
            }
        }
        ran.findings.extend(check(&seen));
    }
}

/// A policy with less fuel than a run used, or with half of it.
fn tighter(policy: &Policy, outcome: Option<&Outcome>) -> Option<Policy> {
    let used = outcome?.usage.iter().find(|usage| usage.limit == LimitKey::Fuel).and_then(|usage| usage.used);
    let fuel = policy.limits.resolve(LimitKey::Fuel, 0)?;
    let less = used.map_or(fuel / 2, |used| (used / 2).min(fuel));
    let mut tighter = policy.clone();
    tighter.limits.set(LimitKey::Fuel, gauntlet_policy::Limit::At(less, gauntlet_policy::Span::default()));
    Some(tighter)
}

fn count(answer: &Answer, counts: &mut Counts) {
    let Some(outcome) = answer.outcome() else { return };
    if was_accepted(outcome) {
        counts.add("calls", 1);
    }
    if outcome.ending.ending == Ending::Trapped {
        counts.add("trapped", 1);
    }
}

/// Whether a guest was compiled and entered.
pub(crate) fn was_accepted(outcome: &Outcome) -> bool {
    let compiling = matches!(
        outcome.ending.cause,
        Some(Cause::Limit(LimitKey::CompileTime | LimitKey::CompileMemory | LimitKey::ModuleSize))
    );
    outcome.ending.ending != Ending::Refused && !compiling
}

/// The number that a guest is called with: of its own bytes, so that a stored case has the same.
pub(crate) fn nonce(guest: &[u8]) -> String {
    digest(guest)[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_list_and_the_folder_agree() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pairs");
        let files: BTreeSet<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().replace('_', "-"))
            .filter(|name| name != "mod")
            .collect();
        // The sequences are one file and two pairs: with and without a system call.
        let listed: BTreeSet<String> =
            PAIRS.iter().map(|pair| pair.id.to_owned()).filter(|id| !id.ends_with("-without-openat2")).collect();
        assert_eq!(files, listed);
    }

    #[test]
    fn a_case_is_run_deeper_now_and_then() {
        let of = |depth| (0..1024).filter(|case| Depth::of(*case) == depth).count();
        assert_eq!((of(Depth::All), of(Depth::Twice), of(Depth::Cheap)), (2, 128, 894));
    }
}
