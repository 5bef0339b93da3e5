//! Sequences of preview 1 calls, with `openat2` and in a process where the system does not know it.

use std::cell::RefCell;

use arbitrary::Unstructured;
use gauntlet_target::Target;

use super::{Bench, Bound, Depth, Health, Pair, Ran};
use crate::Case;
use crate::sequences::{self, Function, Options, RunError, Runner, Sequence};

pub(crate) const PAIR: Pair = Pair {
    id: "wasi-sequences",
    summary: "sequences of preview 1 calls, made for granted folders that are watched from outside",
    bytes: sequences::BYTES,
    runs_guests: true,
    generate,
    run,
    health: HEALTH,
};

/// The same in a process whose system does not know `openat2`; whoever runs it calls [`sequences::without_openat2`] first.
pub(crate) const WITHOUT_OPENAT2: Pair = Pair {
    id: "wasi-sequences-without-openat2",
    summary: "the same, where the system does not know openat2 and the executor walks paths itself",
    ..PAIR
};

const HEALTH: &[Health] = &[
    Health {
        name: "path_open",
        part: "path_open ok",
        whole: "path_open",
        bound: Bound::AtLeast(sequences::LEAST_OPENED),
    },
    Health {
        name: "path_symlink",
        part: "path_symlink ok",
        whole: "path_symlink",
        bound: Bound::AtLeast(sequences::LEAST_LINKED),
    },
    Health { name: "lost before half", part: "lost", whole: "sequences", bound: Bound::AtMost(sequences::MOST_LOST) },
];

/// Functions whose successes are told.
const TOLD: &[&str] = &["path_open", "path_symlink"];

fn generate(bench: &Bench<'_>, u: &mut Unstructured<'_>) -> arbitrary::Result<Case> {
    let sequence = match bench.sequences_a_case {
        1 => sequences::generate(u)?,
        many => sequences::batch_of(u.arbitrary()?, many),
    };
    let calls = sequence.to_string().lines().map(str::to_owned).collect();
    Ok(Case { wasm: Vec::new(), policy: sequences::POLICY.to_owned(), calls })
}

fn run(bench: &Bench<'_>, case: &Case, depth: Depth) -> Ran {
    (bench.sequences)(case, depth)
}

/// Folders, and an instance of the interpreter, that one sequence after the other is run with.
#[derive(Debug)]
pub struct SequenceBench<'t> {
    /// The policy's text, and what runs under it.
    runner: RefCell<Option<(String, Runner<'t>)>>,
}

impl<'t> SequenceBench<'t> {
    /// Nothing is made before the first sequence.
    #[must_use]
    pub const fn new() -> Self {
        Self { runner: RefCell::new(None) }
    }

    /// Runs the sequence of a case on a target.
    pub fn run(&self, target: &'t dyn Target, case: &Case, depth: Depth) -> Ran {
        let sequence: Sequence = match case.calls.join("\n").parse() {
            Ok(sequence) => sequence,
            Err(error) => return Ran::unreadable(format!("{error}")),
        };
        match self.on(target, &sequence, &case.policy, depth) {
            Ok(ran) => ran,
            Err(RunError::Target(error)) => Ran { setup: Some(gauntlet_target::error_chain(&error)), ..Ran::default() },
            Err(RunError::Policy(why)) => Ran::unreadable(why),
            Err(RunError::DoesNotFit) => Ran::unreadable("the sequence does not fit the guest's memory"),
            Err(error) => Ran { setup: Some(format!("{error}")), ..Ran::default() },
        }
    }

    fn on(&self, target: &'t dyn Target, sequence: &Sequence, policy: &str, depth: Depth) -> Result<Ran, RunError> {
        let mut kept = self.runner.borrow_mut();
        if kept.as_ref().is_none_or(|(text, _)| text != policy) {
            // Twice is asked for by the depth, so that a case is the same wherever it stands.
            let options = Options { policy: policy.to_owned(), twice_every: 1, ..Options::default() };
            let mut made = Runner::new(target, options)?;
            if !made.keeps_instances() && policy == sequences::POLICY {
                made = Runner::new(target, Options::programs())?;
            }
            *kept = Some((policy.to_owned(), made));
        }
        let Some((_, runner)) = kept.as_mut() else { return Ok(Ran::default()) };
        let before = runner.health().clone();
        let executions = runner.executions();
        let done = if depth >= Depth::Twice { runner.check(sequence)? } else { runner.run(sequence)? };
        let health = runner.health();
        let mut ran = Ran { findings: done.findings, ..Ran::default() };
        for name in TOLD {
            if let Some(function) = Function::named(name) {
                let ((ok, all), (ok_before, all_before)) = (health.of(function), before.of(function));
                ran.counts.add(&format!("{name} ok"), ok - ok_before);
                ran.counts.add(name, all - all_before);
            }
        }
        ran.counts.add("sequences", health.sequences - before.sequences);
        ran.counts.add("lost", health.lost - before.lost);
        ran.counts.add("executions", runner.executions() - executions);
        ran.counts.add("wasi calls", health.calls - before.calls);
        Ok(ran)
    }
}

impl Default for SequenceBench<'_> {
    fn default() -> Self {
        Self::new()
    }
}
