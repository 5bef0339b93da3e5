//! Whether sequences get through the door: how often each function succeeds, and how much of a sequence is run at all.

use std::fmt;

use super::call::Sequence;
use super::encode::{NO_ANSWER, NOT_REACHED};
use super::functions::Function;

/// Least share of `path_open` that succeeds.
pub const LEAST_OPENED: f64 = 0.15;
/// Least share of `path_symlink` that succeeds.
pub const LEAST_LINKED: f64 = 0.30;
/// Greatest share of sequences that end before half of their calls.
pub const MOST_LOST: f64 = 0.05;
/// Sequences from which on a function that never succeeded is a fault of the generator and no chance.
const ENOUGH: u64 = 2000;

/// Counts over many sequences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Sequences that were run.
    pub sequences: u64,
    /// Calls that they had.
    pub calls: u64,
    /// Calls that were reached.
    pub reached: u64,
    /// Sequences that ended before half of their calls.
    pub lost: u64,
    /// Traps after which a sequence went on.
    pub traps: u64,
    functions: Vec<(u64, u64)>,
}

impl Default for Health {
    fn default() -> Self {
        Self { sequences: 0, calls: 0, reached: 0, lost: 0, traps: 0, functions: vec![(0, 0); Function::COUNT] }
    }
}

impl Health {
    /// Counts a sequence by the error numbers of its calls. `exited` is whether it ended itself, as it was told to.
    pub fn count(&mut self, sequence: &Sequence, errnos: &[u32], traps: u64, exited: bool) {
        self.traps += traps;
        let (mut calls, mut reached) = (0, 0);
        for (call, errno) in sequence.calls.iter().zip(errnos) {
            // What stands between the sequences of a batch.
            if call.function.name() == "guest.close_all" {
                self.one(calls, reached);
                (calls, reached) = (0, 0);
                continue;
            }
            calls += 1;
            if *errno == NOT_REACHED {
                continue;
            }
            reached += 1;
            let (ok, all) = &mut self.functions[call.function.index()];
            *all += 1;
            if *errno == 0 || *errno == NO_ANSWER && exited && call.function.name() == "proc_exit" {
                *ok += 1;
            }
        }
        self.one(calls, reached);
    }

    fn one(&mut self, calls: u64, reached: u64) {
        self.sequences += 1;
        self.calls += calls;
        self.reached += reached;
        self.lost += u64::from(reached * 2 < calls);
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        self.sequences += other.sequences;
        self.calls += other.calls;
        self.reached += other.reached;
        self.lost += other.lost;
        self.traps += other.traps;
        for ((ok, all), (more_ok, more)) in self.functions.iter_mut().zip(&other.functions) {
            *ok += more_ok;
            *all += more;
        }
    }

    /// How often a function succeeded, and how often it was called.
    #[must_use]
    pub fn of(&self, function: Function) -> (u64, u64) {
        self.functions[function.index()]
    }

    /// The share of a function's calls that succeeded; 0 if it was not called.
    #[must_use]
    pub fn share(&self, name: &str) -> f64 {
        let (ok, all) = Function::named(name).map_or((0, 0), |function| self.of(function));
        ratio(ok, all)
    }

    /// The share of sequences that ended before half of their calls.
    #[must_use]
    pub fn lost_share(&self) -> f64 {
        ratio(self.lost, self.sequences)
    }

    /// Calls of a sequence, on average.
    #[must_use]
    pub fn calls_a_sequence(&self) -> f64 {
        ratio(self.calls, self.sequences)
    }

    /// What is wrong with these figures: a fuzzer that does not get through the door finds nothing behind it.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, least) in [("path_open", LEAST_OPENED), ("path_symlink", LEAST_LINKED)] {
            if self.share(name) < least {
                faults.push(format!("`{name}` succeeds in {:.2} of its calls, least is {least}", self.share(name)));
            }
        }
        if self.lost_share() > MOST_LOST {
            faults.push(format!("{:.2} of the sequences are lost before half, most is {MOST_LOST}", self.lost_share()));
        }
        if self.sequences >= ENOUGH {
            for function in Function::all().filter(|function| function.can_succeed() && self.of(*function).0 == 0) {
                faults.push(format!("`{}` never succeeded in {} calls", function.name(), self.of(function).1));
            }
        }
        faults
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} sequences, {:.1} calls each, {:.3} of the calls reached, {:.3} lost before half, {} traps",
            self.sequences,
            self.calls_a_sequence(),
            ratio(self.reached, self.calls),
            self.lost_share(),
            self.traps
        )?;
        for function in Function::all() {
            let (ok, all) = self.of(function);
            let note = if function.can_succeed() { "" } else { " (cannot succeed here)" };
            writeln!(f, "  {:<24} {ok}/{all} {:.2}{note}", function.name(), ratio(ok, all))?;
        }
        Ok(())
    }
}

fn ratio(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drop_below_the_least_is_a_fault() {
        let sequence: Sequence =
            "path_symlink(\"a\", 3, \"b\")\nr1 = path_open(3, 0, \"f\", 0, 0, 0, 0, _)\n".parse().unwrap();
        let mut good = Health::default();
        good.count(&sequence, &[0, 0], 0, false);
        assert_eq!(good.faults(), Vec::<String>::new());
        let mut bad = Health::default();
        bad.count(&sequence, &[NO_ANSWER, NOT_REACHED], 1, false);
        bad.count(&sequence, &[NOT_REACHED, NOT_REACHED], 1, false);
        assert_eq!(bad.faults().len(), 3, "{:?}", bad.faults());
        let batch = super::super::batch(&[sequence.clone(), sequence]);
        let mut half = Health::default();
        half.count(&batch, &[0, 0, 0, NOT_REACHED, NOT_REACHED], 0, false);
        assert_eq!((half.sequences, half.calls, half.lost), (2, 4, 1));
        good.add(&bad);
        assert_eq!((good.sequences, good.lost, good.traps), (3, 1, 2));
        assert_eq!(good.of(Function::named("path_symlink").unwrap()), (1, 2));
    }
}
