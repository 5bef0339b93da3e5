//! Whether a record agrees with itself: counts with trials, verdicts with the runs they rest on.
//!
//! A saved record is a file like any other and may have been cut, edited or put together wrongly. What is looked at here needs nothing
//! but the record; who wrote it, a signature has to say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::{Cause, Record, Role, SCHEMA, Trial, Verdict, Why};

/// Most faults that are told of one record.
const MOST: usize = 100;

/// Something in a record that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct Fault {
    /// Where: a trial or a part of the record.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

/// Everything in a record that cannot be, at most a hundred; empty for whatever a run has written.
#[must_use]
pub fn faults(record: &Record) -> Vec<Fault> {
    let mut found = Faults(Vec::new());
    if record.schema != SCHEMA {
        found.add("schema", format_args!("`{}` is not `{SCHEMA}`", record.schema));
    }
    times(record, &mut found);
    counts(record, &mut found);
    duplicates(record, &mut found);
    for trial in &record.trials {
        verdict(trial, &mut found);
    }
    if let Some(shard) = &record.shard {
        if shard.index == 0 || shard.index > shard.of {
            found.add("shard", format_args!("{} of {} is none", shard.index, shard.of));
        }
        let planned: BTreeSet<_> =
            shard.planned.iter().map(|cell| (cell.target.as_str(), cell.attack.as_str())).collect();
        for trial in &record.trials {
            if !planned.contains(&(trial.target.as_str(), trial.attack.as_str())) {
                found.add(place(trial), format_args!("it is no trial of the run that this is a shard of"));
            }
        }
    }
    found.0
}

struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, place: impl fmt::Display, what: fmt::Arguments<'_>) {
        if self.0.len() < MOST {
            self.0.push(Fault { place: place.to_string(), what: what.to_string() });
        }
    }
}

fn place(trial: &Trial) -> String {
    format!("{} on {}", trial.attack, trial.target)
}

fn times(record: &Record, found: &mut Faults) {
    match &record.finished {
        // Both are written in UTC to the second: they compare as text.
        Some(finished) if finished.len() == record.started.len() && *finished < record.started => {
            found.add("finished", format_args!("before the run began"));
        }
        None if record.complete => found.add("finished", format_args!("a complete run has an end")),
        Some(_) | None => {}
    }
}

fn counts(record: &Record, found: &mut Faults) {
    let corpus = &record.corpus;
    if corpus.selected > corpus.attacks {
        found.add("corpus", format_args!("{} of {} attacks are selected", corpus.selected, corpus.attacks));
    }
    if let Some(score) = &record.mutation {
        let caught = score.mutations.iter().filter(|mutation| mutation.caught).count() as u64;
        if (score.caught, score.total) != (caught, score.mutations.len() as u64) {
            let (told, total) = (score.caught, score.total);
            found.add(
                "mutation",
                format_args!("{told} of {total} are told as caught, {caught} of {} are", score.mutations.len()),
            );
        }
        for mutation in &score.mutations {
            if mutation.caught == mutation.caught_by.is_empty() {
                found.add(&mutation.name, format_args!("caught and by what do not go together"));
            }
        }
    }
    // Probes of the jail have no guest and are no attacks of the corpus; records before guests were told have none at all.
    let mut of_corpus: BTreeMap<&str, u64> = BTreeMap::new();
    for trial in record.trials.iter().filter(|trial| !trial.guests.is_empty()) {
        *of_corpus.entry(&trial.target).or_default() += 1;
    }
    let stops_early = record.trials.iter().any(|trial| trial.verdict == Verdict::Breached);
    let whole = record.complete && record.shard.is_none() && !stops_early;
    for (target, number) in &of_corpus {
        if *number > corpus.selected || (whole && *number < corpus.selected) {
            found.add(target, format_args!("{number} trials of {} selected attacks", corpus.selected));
        }
    }
    if whole && record.trials.is_empty() && record.mutation.is_none() && corpus.selected > 0 {
        found.add("trials", format_args!("none of {} selected attacks", corpus.selected));
    }
}

fn duplicates(record: &Record, found: &mut Faults) {
    let mut seen = BTreeSet::new();
    for trial in &record.trials {
        if !seen.insert((trial.target.as_str(), trial.attack.as_str())) {
            found.add(place(trial), format_args!("this trial is there twice"));
        }
    }
}

/// A verdict against the runs that it rests on.
fn verdict(trial: &Trial, found: &mut Faults) {
    let mut fault = |what: fmt::Arguments<'_>| found.add(place(trial), what);
    let fits = match trial.why {
        Why::Stopped | Why::StoppedSilently => Verdict::Contained,
        Why::Obtained | Why::HostDied => Verdict::Breached,
        Why::Lacking => Verdict::Unsupported,
        Why::LiveFailed
        | Why::BenignFailed
        | Why::OtherCause
        | Why::NotMeasured
        | Why::Disagrees
        | Why::HarnessError
        | Why::TooLarge => Verdict::Inconclusive,
    };
    if trial.verdict != fits {
        fault(format_args!("it is {} for a reason of {fits}", trial.verdict));
    }
    let roles: BTreeSet<Role> = trial.runs.iter().map(|run| run.role).collect();
    if roles.len() != trial.runs.len() {
        fault(format_args!("a run is there twice"));
    }
    if trial.witnessed && !trial.run(Role::Live).is_some_and(|live| live.obtained) {
        fault(format_args!("witnessed, and no live control obtained anything"));
    }
    if let Some(closeness) = &trial.closeness
        && closeness.overshoot != closeness.used.saturating_sub(closeness.cap)
    {
        fault(format_args!("the overshoot is not what is used past the limit"));
    }
    match trial.verdict {
        Verdict::Contained => contained(trial, &mut fault),
        Verdict::Breached if trial.run(Role::Attack).is_none() => {
            fault(format_args!("breached without a run of the attack"))
        }
        // A probe that the host does not offer may have been tried without a jail.
        Verdict::Unsupported if !trial.guests.is_empty() && !trial.runs.is_empty() => {
            fault(format_args!("unsupported, and it was run"));
        }
        Verdict::Breached | Verdict::Inconclusive | Verdict::Unsupported => {}
    }
}

fn contained(trial: &Trial, fault: &mut dyn FnMut(fmt::Arguments<'_>)) {
    match trial.run(Role::Attack) {
        None => fault(format_args!("contained without a run of the attack")),
        Some(run) if run.obtained || run.measured.host_death.is_some() => {
            fault(format_args!("contained, and the attack obtained what it wants"));
        }
        Some(_) => {}
    }
    if !trial.witnessed && trial.live_reason.is_none() {
        fault(format_args!("contained without a witness, and without a reason for having none"));
    }
    // A probe of the jail has no harmless twin, and no guest.
    if !trial.guests.is_empty() && !trial.run(Role::Benign).is_some_and(|benign| benign.obtained) {
        fault(format_args!("contained, and the harmless twin did not do its work"));
    }
    let listed = match trial.cause {
        Some(Cause::NotShown) => trial.why == Why::StoppedSilently || trial.contained_by.contains(&Cause::NotShown),
        Some(cause) => trial.contained_by.contains(&cause),
        None => false,
    };
    if !listed {
        fault(format_args!("contained for a cause that does not count"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PlannedTrial, Shard, example};

    fn told(change: impl FnOnce(&mut Record)) -> Vec<String> {
        let mut record = example();
        change(&mut record);
        faults(&record).iter().map(Fault::to_string).collect()
    }

    #[test]
    fn the_example_agrees_with_itself() {
        assert_eq!(told(|_| {}), Vec::<String>::new());
    }

    #[test]
    fn every_way_of_disagreeing_is_named() {
        type Change = fn(&mut Record);
        let cases: [(Change, &str); 15] = [
            (
                |record| record.trials.push(record.trials[0].clone()),
                "memory/grow-past-limit on worker: this trial is there twice",
            ),
            (|record| record.trials[1].verdict = Verdict::Contained, "it is contained for a reason of breached"),
            (
                |record| {
                    record.trials[1].verdict = Verdict::Contained;
                    record.trials[1].why = Why::Stopped;
                },
                "contained, and the attack obtained what it wants",
            ),
            (
                |record| record.trials[0].runs.retain(|run| run.role != Role::Benign),
                "the harmless twin did not do its work",
            ),
            (|record| record.trials[0].runs.retain(|run| run.role != Role::Live), "witnessed, and no live control"),
            (|record| record.trials[0].witnessed = false, "contained without a witness"),
            (|record| record.trials[0].runs.clear(), "contained without a run of the attack"),
            (|record| record.trials[0].contained_by.clear(), "contained for a cause that does not count"),
            (|record| record.trials[0].closeness.as_mut().unwrap().overshoot = 9, "the overshoot is not"),
            (|record| record.corpus.attacks = 1, "corpus: 4 of 1 attacks are selected"),
            (|record| record.mutation.as_mut().unwrap().caught = 0, "mutation: 0 of 1 are told as caught, 1 of 1 are"),
            (|record| record.finished = None, "finished: a complete run has an end"),
            (|record| record.finished = Some("2025-01-01T00:00:00Z".into()), "finished: before the run began"),
            (|record| drop(record.trials.remove(1)), "worker: 3 trials of 4 selected attacks"),
            (|record| record.schema = "gauntlet.record/2".into(), "schema: `gauntlet.record/2`"),
        ];
        for (change, expected) in cases {
            let told = told(change);
            assert!(told.iter().any(|fault| fault.contains(expected)), "{expected}: {told:?}");
        }
    }

    #[test]
    fn a_shard_holds_trials_of_its_run_only() {
        let planned = || {
            example()
                .trials
                .iter()
                .map(|trial| PlannedTrial { target: trial.target.clone(), attack: trial.attack.clone() })
                .collect()
        };
        let shard = |index, planned| Some(Shard { index, of: 2, planned });
        assert_eq!(told(|record| record.shard = shard(1, planned())), Vec::<String>::new());
        assert_eq!(told(|record| record.shard = shard(3, planned())), ["shard: 3 of 2 is none"]);
        assert_eq!(told(|record| record.shard = shard(1, Vec::new())).len(), 4);
    }

    #[test]
    fn a_record_with_endless_faults_tells_a_hundred() {
        assert_eq!(told(|record| record.trials = vec![record.trials[0].clone(); 1000]).len(), MOST);
    }
}
