//! Several records of one run put together: shards, or machines.

use std::collections::{BTreeMap, BTreeSet};

use gauntlet_record::{Fault, Part, PlannedTrial, Record, Trial, Verdict, faults};

/// Most trials that an error names.
const NAMED: usize = 20;

/// Records that are not of one run, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// There is nothing to merge.
    #[error("there is no record to merge")]
    Nothing,
    /// A record does not agree with itself.
    #[error("record {number} does not agree with itself: {fault}")]
    Fault {
        /// Which one, from 1.
        number: usize,
        /// What is wrong.
        fault: Fault,
    },
    /// They are not of the same run.
    #[error("record {number} has another {what} than the first: `{has}`, and not `{first}`")]
    Differs {
        /// Which one, from 1.
        number: usize,
        /// In what.
        what: &'static str,
        /// What the first one has.
        first: String,
        /// What this one has.
        has: String,
    },
    /// Trials are there more than once.
    #[error("{} there more than once: {}", are(.0.len(), "trial"), named(.0))]
    Twice(Vec<String>),
    /// Trials are missing.
    #[error("{} missing: {}", are(.0.len(), "trial"), named(.0))]
    Missing(Vec<String>),
    /// A record is of a run that was cut off, and it cannot be known what is missing.
    #[error("record {0} is of a run that was cut off: `gauntlet run --resume` ends it")]
    CutOff(usize),
}

fn are(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun} is") } else { format!("{number} {noun}s are") }
}

fn named(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let listed = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{listed} and {more} more") } else { listed }
}

fn name(trial: &PlannedTrial) -> String {
    format!("{} on {}", trial.attack, trial.target)
}

fn cell(trial: &Trial) -> PlannedTrial {
    PlannedTrial { target: trial.target.clone(), attack: trial.attack.clone() }
}

/// Puts records together. With `gaps`, what is missing makes the result incomplete, and is no error.
///
/// # Errors
///
/// If they are not of one policy, corpus and version, if a trial is there twice, or if one is missing.
pub fn merge(records: &[Record], gaps: bool) -> Result<Record, MergeError> {
    let first = records.first().ok_or(MergeError::Nothing)?;
    for (number, record) in (1..).zip(records) {
        if let Some(fault) = faults(record).into_iter().next() {
            return Err(MergeError::Fault { number, fault });
        }
        same(first, record, number)?;
    }
    let mut trials: BTreeMap<PlannedTrial, Trial> = BTreeMap::new();
    let mut twice = Vec::new();
    let mut met = Vec::new();
    for trial in records.iter().flat_map(|record| &record.trials) {
        let cell = cell(trial);
        if trials.insert(cell.clone(), trial.clone()).is_some() {
            twice.push(name(&cell));
        }
        met.push(cell);
    }
    if !twice.is_empty() {
        twice.dedup();
        return Err(MergeError::Twice(twice));
    }
    let mut complete = true;
    let order = match &first.shard {
        Some(shard) => {
            let missing: Vec<String> =
                shard.planned.iter().filter(|cell| !trials.contains_key(cell)).map(name).collect();
            complete = missing.is_empty();
            if !complete && !gaps {
                return Err(MergeError::Missing(missing));
            }
            shard.planned.clone()
        }
        None => {
            if let Some(cut) = records.iter().position(|record| !record.complete) {
                complete = false;
                if !gaps {
                    return Err(MergeError::CutOff(cut + 1));
                }
            }
            met
        }
    };
    let mut merged = Record {
        complete,
        started: records.iter().map(|record| &record.started).min().unwrap_or(&first.started).clone(),
        finished: records.iter().filter_map(|record| record.finished.clone()).max(),
        command: without_shard(&first.command),
        known_allowed: records.iter().all(|record| record.known_allowed),
        trials: order.iter().filter_map(|cell| trials.remove(cell)).collect(),
        shard: None,
        parts: records.iter().flat_map(parts).collect(),
        ..first.clone()
    };
    if !complete {
        merged.finished = None;
    }
    for record in records {
        for target in &record.targets {
            if !merged.targets.iter().any(|known| known.name == target.name) {
                merged.targets.push(target.clone());
            }
        }
        for finding in &record.findings {
            if !merged.findings.contains(finding) {
                merged.findings.push(finding.clone());
            }
        }
        merged.mutation = merged.mutation.or_else(|| record.mutation.clone());
    }
    merged.closed_gaps = closed_gaps(records, &merged.trials);
    Ok(merged)
}

fn same(first: &Record, record: &Record, number: usize) -> Result<(), MergeError> {
    let planned = |record: &Record| match &record.shard {
        Some(shard) => {
            let cells: Vec<String> = shard.planned.iter().map(name).collect();
            format!("one of {} shards of {}", shard.of, gauntlet_record::digest(cells.join("\n").as_bytes()))
        }
        None => "none".to_owned(),
    };
    let targets = |record: &Record| {
        let known = record.targets.iter().filter(|target| first.targets.iter().any(|known| known.name == target.name));
        let known = known.map(|target| format!("{} {} {}", target.name, target.engine, target.version));
        known.collect::<Vec<_>>().join(", ")
    };
    let shared = |of: &Record| {
        let both = |target: &&gauntlet_record::TargetInfo| record.targets.iter().any(|known| known.name == target.name);
        let both = of
            .targets
            .iter()
            .filter(both)
            .map(|target| format!("{} {} {}", target.name, target.engine, target.version));
        both.collect::<Vec<_>>().join(", ")
    };
    let rows = [
        ("policy", first.policy.sha256.clone(), record.policy.sha256.clone()),
        ("corpus", first.corpus.sha256.clone(), record.corpus.sha256.clone()),
        ("selection of attacks", first.corpus.selected.to_string(), record.corpus.selected.to_string()),
        ("version", first.tool.version.clone(), record.tool.version.clone()),
        ("engine", shared(first), targets(record)),
        ("split", planned(first), planned(record)),
    ];
    for (what, first, has) in rows {
        if first != has {
            return Err(MergeError::Differs { number, what, first, has });
        }
    }
    Ok(())
}

/// Where the trials came from; of a record that was merged itself, its own parts.
fn parts(record: &Record) -> Vec<Part> {
    if !record.parts.is_empty() {
        return record.parts.clone();
    }
    vec![Part {
        shard: record.shard.as_ref().map(|shard| format!("{}/{}", shard.index, shard.of)),
        host: record.host.clone(),
        started: record.started.clone(),
        finished: record.finished.clone(),
        trials: record.trials.len() as u64,
    }]
}

/// A command line without the share of the run that it was asked for.
fn without_shard(command: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut words = command.iter();
    while let Some(word) = words.next() {
        if word == "--shard" {
            words.next();
        } else if !word.starts_with("--shard=") {
            kept.push(word.clone());
        }
    }
    kept
}

/// A known gap is closed if no trial of it, on any machine, is anything but contained.
fn closed_gaps(records: &[Record], trials: &[Trial]) -> Vec<String> {
    let told: BTreeSet<&String> = records.iter().flat_map(|record| &record.closed_gaps).collect();
    let holds = |gap: &&&String| {
        let Some((attack, target)) = gap.split_once(" on ") else { return false };
        let about = |trial: &&Trial| {
            trial.target == target && (trial.attack == attack || trial.attack.split('#').next() == Some(attack))
        };
        trials.iter().filter(about).all(|trial| trial.verdict == Verdict::Contained)
    };
    told.iter().filter(holds).map(|gap| (*gap).clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gauntlet_record::{Shard, example};

    fn shards(of: u32) -> Vec<Record> {
        let whole = example();
        let planned: Vec<PlannedTrial> = whole.trials.iter().map(cell).collect();
        (1..=of)
            .map(|index| {
                let mine = |place: usize| u32::try_from(place).unwrap() % of + 1 == index;
                let trials =
                    whole.trials.iter().enumerate().filter(|(place, _)| mine(*place)).map(|(_, trial)| trial.clone());
                let mut record = Record { trials: trials.collect(), ..whole.clone() };
                record.shard = Some(Shard { index, of, planned: planned.clone() });
                record.command = vec!["gauntlet".into(), "run".into(), "--shard".into(), format!("{index}/{of}")];
                record
            })
            .collect()
    }

    #[test]
    fn shards_in_any_order_come_to_the_whole_record() {
        for of in 1..6 {
            let mut shards = shards(of);
            shards.reverse();
            let merged = merge(&shards, false).unwrap();
            assert_eq!(merged.parts.len(), shards.len());
            assert_eq!(Record { parts: Vec::new(), ..merged }, example(), "{of}");
        }
    }

    #[test]
    fn a_missing_shard_is_named_trial_by_trial_or_leaves_the_record_incomplete() {
        let mut shards = shards(4);
        shards.remove(1);
        let error = merge(&shards, false).unwrap_err();
        assert_eq!(error.to_string(), "1 trial is missing: files-read/dot-dot on worker");
        let merged = merge(&shards, true).unwrap();
        assert_eq!((merged.complete, merged.trials.len()), (false, 3));
    }

    #[test]
    fn a_shard_that_is_there_twice_is_named() {
        let mut shards = shards(2);
        shards.push(shards[0].clone());
        let error = merge(&shards, false).unwrap_err().to_string();
        assert!(error.starts_with("2 trials are there more than once: memory/grow-past-limit on worker, "), "{error}");
    }

    #[test]
    fn records_of_different_runs_are_not_merged() {
        type Change = fn(&mut Record);
        let changes: [(Change, &str); 6] = [
            (|record| record.policy.sha256 = "9".repeat(64), "another policy"),
            (|record| record.corpus.sha256 = "9".repeat(64), "another corpus"),
            (|record| record.tool.version = "9".into(), "another version"),
            (|record| record.targets[0].version = "9".into(), "another engine"),
            (|record| record.shard.as_mut().unwrap().of = 9, "another split"),
            (|record| record.shard = None, "another split"),
        ];
        for (change, expected) in changes {
            let mut shards = shards(2);
            change(&mut shards[1]);
            let error = merge(&shards, false).unwrap_err().to_string();
            assert!(error.contains(expected), "{expected}: {error}");
        }
        assert_eq!(merge(&[], false), Err(MergeError::Nothing));
    }

    #[test]
    fn a_gap_that_another_machine_found_open_is_not_closed() {
        let gap = "memory/grow-past-limit on worker".to_owned();
        let open = "files-read/dot-dot on worker".to_owned();
        let mut shards = shards(2);
        shards[0].closed_gaps = vec![gap.clone(), open];
        assert_eq!(merge(&shards, false).unwrap().closed_gaps, [gap]);
    }
}
