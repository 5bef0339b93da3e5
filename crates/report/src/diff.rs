//! Two records side by side: what got through that did not, what is no longer looked at, what is slower.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gauntlet_record::{Proof, Record, Role, Trial, Unit, Verdict, exit, guarantees};
use serde::Serialize;

use crate::text::plain;

/// Most entries of a list that are printed.
const LISTED: usize = 50;
/// What is slower by less than this, in nanoseconds, is not told: it is within what a scheduler does.
const LEAST: u64 = 20_000_000;

/// One line about one trial, limit or fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What it is about.
    pub what: String,
    /// How it was.
    pub before: String,
    /// How it is.
    pub after: String,
}

/// How times went, over all trials that both records contained.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Times {
    /// How many trials could be compared.
    pub compared: usize,
    /// The middle of the ratios of time after to time before: what the host as a whole is slower or faster.
    pub median: f64,
    /// The noise: 1.4826 times the median deviation of the ratios' logarithms, as a ratio. 1.1 means that ten percent say nothing.
    pub noise: f64,
}

/// What changed from one record to another.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Diff {
    /// Attacks that get through and did not before, or were not looked at.
    pub new_breaches: Vec<Change>,
    /// Attacks that got through and no longer do.
    pub fixed_breaches: Vec<Change>,
    /// Trials that proved something and no longer do, or are gone.
    pub lost_coverage: Vec<Change>,
    /// Trials that prove something and did not before.
    pub new_coverage: Vec<Change>,
    /// Limits and grants whose value is another one.
    pub changed_limits: Vec<Change>,
    /// Limits and grants of which something else is proved.
    pub changed_proofs: Vec<Change>,
    /// Attacks that take longer to stop, past the noise.
    pub slower: Vec<Change>,
    /// How times went in all.
    pub times: Option<Times>,
    /// The host, the engines, the policy, the corpus.
    pub changed_ground: Vec<Change>,
}

impl Diff {
    /// The exit code of a gate: 1 for a new breach, 3 for coverage that was lost, else 0.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if !self.new_breaches.is_empty() {
            exit::BREACH
        } else if !self.lost_coverage.is_empty() {
            exit::INCONCLUSIVE
        } else {
            exit::CLEAN
        }
    }

    fn lists(&self) -> [(&'static str, &[Change]); 8] {
        [
            ("New breaches", &self.new_breaches),
            ("Fixed breaches", &self.fixed_breaches),
            ("Lost coverage", &self.lost_coverage),
            ("New coverage", &self.new_coverage),
            ("Changed limits", &self.changed_limits),
            ("Changed proofs", &self.changed_proofs),
            ("Slower to stop", &self.slower),
            ("Another ground", &self.changed_ground),
        ]
    }

    /// As text for people. Every line begins with a word of ours.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (title, list) in self.lists().into_iter().filter(|(_, list)| !list.is_empty()) {
            let _ = writeln!(text, "{title} ({})", list.len());
            for change in list.iter().take(LISTED) {
                let (what, before, after) = (plain(&change.what), plain(&change.before), plain(&change.after));
                let _ = writeln!(text, "  - {what}: {before} -> {after}");
            }
            if list.len() > LISTED {
                let _ = writeln!(text, "  and {} more", list.len() - LISTED);
            }
        }
        if let Some(times) = &self.times {
            let _ = writeln!(
                text,
                "Times: {} trials compared, {:+.0} % in the middle, noise {:.0} %",
                times.compared,
                (times.median - 1.0) * 100.0,
                (times.noise - 1.0) * 100.0
            );
        }
        let _ = writeln!(
            text,
            "Result: {} new and {} fixed breaches, {} trials of coverage lost and {} new",
            self.new_breaches.len(),
            self.fixed_breaches.len(),
            self.lost_coverage.len(),
            self.new_coverage.len()
        );
        text
    }
}

/// Compares two records, the older one first.
#[must_use]
pub fn diff(before: &Record, after: &Record) -> Diff {
    let mut diff = Diff::default();
    let old = trials(before);
    let new = trials(after);
    let proves = |trial: &Trial| matches!(trial.verdict, Verdict::Contained | Verdict::Breached);
    for (key, trial) in &new {
        let was = old.get(key);
        let change = || Change {
            what: format!("{} on {}", trial.attack, trial.target),
            before: was.map_or("not run".to_owned(), |was| word(was)),
            after: format!("{}: {}", word(trial), trial.reason),
        };
        let breached = |trial: &Trial| trial.verdict == Verdict::Breached;
        match (was.is_some_and(|was| breached(was)), breached(trial)) {
            (false, true) => diff.new_breaches.push(change()),
            (true, false) if trial.verdict == Verdict::Contained => diff.fixed_breaches.push(change()),
            _ => {}
        }
        match (was.is_some_and(|was| proves(was)), proves(trial)) {
            (true, false) => diff.lost_coverage.push(change()),
            (false, true) => diff.new_coverage.push(change()),
            (true, true) if was.is_some_and(|was| was.witnessed) && !trial.witnessed && !breached(trial) => {
                diff.lost_coverage.push(Change { after: "no live control witnesses it any more".into(), ..change() });
            }
            _ => {}
        }
    }
    for (key, was) in old.iter().filter(|(key, was)| !new.contains_key(*key) && proves(was)) {
        let what = format!("{} on {}", key.1, key.0);
        diff.lost_coverage.push(Change { what, before: word(was), after: "not run".into() });
    }
    limits(before, after, &mut diff);
    times(&old, &new, &mut diff);
    ground(before, after, &mut diff);
    diff
}

fn word(trial: &Trial) -> String {
    let cause = trial.cause.map(|cause| format!(" by {cause}")).unwrap_or_default();
    format!("{}{cause}", trial.verdict)
}

fn trials(record: &Record) -> BTreeMap<(&str, &str), &Trial> {
    record.trials.iter().map(|trial| ((trial.target.as_str(), trial.attack.as_str()), trial)).collect()
}

fn limits(before: &Record, after: &Record, diff: &mut Diff) {
    let old: BTreeMap<String, (String, Proof)> =
        guarantees(before).into_iter().map(|row| (row.key, (row.value, row.proof))).collect();
    let rows = guarantees(after);
    for row in &rows {
        let (value, proof) = match old.get(&row.key) {
            Some((value, proof)) => (value.clone(), proof.as_str()),
            None => ("not there".to_owned(), "not there"),
        };
        if value != row.value {
            diff.changed_limits.push(Change { what: row.key.clone(), before: value, after: row.value.clone() });
        }
        if proof != row.proof.as_str() {
            diff.changed_proofs.push(Change {
                what: row.key.clone(),
                before: proof.into(),
                after: row.proof.as_str().into(),
            });
        }
    }
    for (key, (value, _)) in &old {
        if !rows.iter().any(|row| row.key == *key) {
            diff.changed_limits.push(Change { what: key.clone(), before: value.clone(), after: "not there".into() });
        }
    }
}

/// How long an attack took to be stopped, as the host measured it.
fn took(trial: &Trial) -> Option<u64> {
    let run = trial.run(Role::Attack).filter(|_| trial.verdict == Verdict::Contained)?;
    run.measured.wall_time.filter(|time| *time > 0)
}

#[expect(clippy::cast_precision_loss, reason = "ratios of times, not quantities")]
fn times(old: &BTreeMap<(&str, &str), &Trial>, new: &BTreeMap<(&str, &str), &Trial>, diff: &mut Diff) {
    let mut ratios: Vec<(f64, u64, u64, &Trial)> = new
        .iter()
        .filter_map(|(key, trial)| {
            let (before, after) = (took(old.get(key)?)?, took(trial)?);
            Some(((after as f64 / before as f64).ln(), before, after, *trial))
        })
        .collect();
    if ratios.len() < 3 {
        return;
    }
    ratios.sort_by(|a, b| b.0.total_cmp(&a.0));
    let middle = median(ratios.iter().map(|(ratio, ..)| *ratio).collect());
    let spread = 1.4826 * median(ratios.iter().map(|(ratio, ..)| (ratio - middle).abs()).collect());
    diff.times = Some(Times { compared: ratios.len(), median: middle.exp(), noise: spread.exp() });
    for (ratio, before, after, trial) in ratios {
        if ratio > middle + (4.0 * spread).max(1.5_f64.ln()) && after.saturating_sub(before) >= LEAST {
            diff.slower.push(Change {
                what: format!("{} on {}", trial.attack, trial.target),
                before: Unit::Time.show(before),
                after: format!("{}, {:.1} times as long", Unit::Time.show(after), ratio.exp()),
            });
        }
    }
}

/// The middle of a list that is not empty.
fn median(mut list: Vec<f64>) -> f64 {
    list.sort_by(f64::total_cmp);
    list.get(list.len() / 2).copied().unwrap_or_default()
}

fn ground(before: &Record, after: &Record, diff: &mut Diff) {
    let facts = |record: &Record| {
        let host = &record.host;
        let mut facts = vec![
            ("system".to_owned(), format!("{} on {}", host.os, host.arch)),
            ("kernel".to_owned(), host.kernel.clone()),
            ("cores".to_owned(), host.cores.to_string()),
            ("memory".to_owned(), Unit::Bytes.show(host.memory)),
            ("privileges".to_owned(), if host.root { "root" } else { "none" }.to_owned()),
            ("tool".to_owned(), record.tool.version.clone()),
            ("policy".to_owned(), format!("{} {:.12}", record.policy.name, record.policy.sha256)),
            (
                "corpus".to_owned(),
                format!("{} of {} attacks {:.12}", record.corpus.selected, record.corpus.attacks, record.corpus.sha256),
            ),
        ];
        facts.extend(host.mechanisms.iter().map(|offered| {
            (format!("mechanism {}", offered.name), crate::summary::granted(offered.granted).to_owned())
        }));
        facts.extend(record.targets.iter().map(|target| {
            let build = target.sha256.as_deref().unwrap_or("unknown");
            (format!("target {}", target.name), format!("{} {}, build {build:.12}", target.engine, target.version))
        }));
        facts
    };
    let (old, new) = (facts(before), facts(after));
    let of = |facts: &[(String, String)], what: &str| {
        facts.iter().find(|(known, _)| known == what).map_or("not there".to_owned(), |(_, value)| value.clone())
    };
    let mut all: Vec<&String> = old.iter().chain(&new).map(|(what, _)| what).collect();
    all.sort();
    all.dedup();
    for what in all {
        let (before, after) = (of(&old, what), of(&new, what));
        if before != after {
            diff.changed_ground.push(Change { what: what.clone(), before, after });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gauntlet_record::example;

    fn names(list: &[Change]) -> Vec<&str> {
        list.iter().map(|change| change.what.as_str()).collect()
    }

    #[test]
    fn a_record_does_not_differ_from_itself() {
        let diff = diff(&example(), &example());
        assert!(diff.lists().iter().all(|(_, list)| list.is_empty()), "{diff:?}");
        assert_eq!(diff.exit_code(), exit::CLEAN);
    }

    #[test]
    fn breaches_are_new_or_fixed_and_trials_that_are_gone_are_lost() {
        let fixed = {
            let mut record = example();
            record.trials[1] = Trial { attack: record.trials[1].attack.clone(), ..record.trials[0].clone() };
            record
        };
        let new = diff(&fixed, &example());
        assert_eq!(names(&new.new_breaches), ["files-read/dot-dot on worker"]);
        assert_eq!(
            names(&new.changed_proofs),
            ["grants.filesystem", "limits.memory"]
                .iter()
                .filter(|name| names(&new.changed_proofs).contains(name))
                .copied()
                .collect::<Vec<_>>()
        );
        assert_eq!(new.exit_code(), exit::BREACH);
        let mended = diff(&example(), &fixed);
        assert_eq!(
            (names(&mended.fixed_breaches), mended.exit_code()),
            (vec!["files-read/dot-dot on worker"], exit::CLEAN)
        );
        let mut gone = example();
        gone.trials.remove(0);
        let lost = diff(&example(), &gone);
        assert_eq!(
            (names(&lost.lost_coverage), lost.exit_code()),
            (vec!["memory/grow-past-limit on worker"], exit::INCONCLUSIVE)
        );
        let mut unwitnessed = example();
        unwitnessed.trials[0].witnessed = false;
        assert_eq!(diff(&example(), &unwitnessed).lost_coverage.len(), 1);
    }

    #[test]
    fn one_that_is_slower_than_all_others_became_is_told_and_a_slower_host_is_not() {
        let many = |slow: u64, other: u64| {
            let mut record = example();
            let model = record.trials[0].clone();
            record.trials = (0..40)
                .map(|index| {
                    let mut trial = Trial { attack: format!("memory/a{index}"), ..model.clone() };
                    let time = 100_000_000 + index * 1_000_000;
                    trial.runs[0].measured.wall_time = Some(if index == 7 { time * slow } else { time * other });
                    trial
                })
                .collect();
            record
        };
        let found = diff(&many(1, 1), &many(9, 1));
        assert_eq!(names(&found.slower), ["memory/a7 on worker"]);
        assert!((found.times.clone().unwrap().median - 1.0).abs() < 0.01);
        let host = diff(&many(1, 1), &many(3, 3));
        assert_eq!((names(&host.slower).len(), host.times.unwrap().median.round()), (0, 3.0));
    }

    #[test]
    fn another_limit_kernel_or_engine_is_told() {
        let mut other = example();
        other.host.kernel = "9".into();
        other.policy.values[0].value = "1 s".into();
        other.targets[0].version = "9\u{1b}".into();
        let found = diff(&example(), &other);
        assert_eq!(names(&found.changed_limits), ["limits.deadline"]);
        assert_eq!(names(&found.changed_ground), ["kernel", "target worker"]);
        let text = found.to_text();
        assert!(text.contains("limits.deadline: 10 s -> 1 s") && !text.contains('\u{1b}'), "{text}");
    }
}
