//! What a record comes to: counts, the result in a word and a sentence, and what to do about a trial that proves nothing.

use gauntlet_record::{Cause, Closeness, Granted, Mechanism, Record, Severity, Trial, Verdict, Why, exit};

use crate::text::{count, plain};

/// The result of a run in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything that was tried was contained.
    Contained,
    /// Something got through, or a broken executor was not caught.
    Breached,
    /// Something is not proved.
    Open,
}

/// What a record comes to.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) contained: usize,
    /// Contained, but the target shows no cause.
    pub(crate) weak: usize,
    pub(crate) breached: usize,
    /// Breached, and listed as a known gap.
    pub(crate) known: usize,
    pub(crate) inconclusive: usize,
    pub(crate) unsupported: usize,
    pub(crate) witnessed: usize,
    pub(crate) outcome: Outcome,
    /// `BREACHED`, `CONTAINED`, ...
    pub(crate) word: &'static str,
    /// The result in a sentence.
    pub(crate) sentence: String,
    pub(crate) exit: u8,
}

impl Summary {
    pub(crate) fn of(record: &Record) -> Self {
        let breaches = || record.trials.iter().filter(|trial| trial.verdict == Verdict::Breached);
        let contained = record.count(Verdict::Contained);
        let breached = breaches().count();
        let known = breaches().filter(|trial| trial.known.is_some()).count();
        let allowed = if record.known_allowed { known } else { 0 };
        let inconclusive = record.count(Verdict::Inconclusive);
        let exit = record.exit_code();
        let (outcome, word) = match exit {
            exit::CLEAN if allowed > 0 => (Outcome::Contained, "CONTAINED BUT FOR KNOWN GAPS"),
            exit::CLEAN if contained == 0 => (Outcome::Contained, "ALL CAUGHT"),
            exit::CLEAN => (Outcome::Contained, "CONTAINED"),
            exit::BREACH if breached > allowed => (Outcome::Breached, "BREACHED"),
            exit::BREACH => (Outcome::Breached, "MISSED"),
            _ if !record.complete => (Outcome::Open, "INCOMPLETE"),
            _ if inconclusive == 0 => (Outcome::Open, "NOTHING PROVED"),
            _ => (Outcome::Open, "INCONCLUSIVE"),
        };
        let mut parts = Vec::new();
        if !record.complete {
            parts.push("the run was cut off".to_owned());
        }
        if breached > 0 {
            let gaps = match (known, allowed) {
                (0, _) => String::new(),
                (_, 0) => format!(" ({known} known)"),
                _ => format!(" ({known} known and allowed)"),
            };
            parts.push(format!("{} got through{gaps}", count(breached, "attack")));
        }
        if inconclusive > 0 {
            parts.push(format!("{} proved nothing", count(inconclusive, "trial")));
        }
        if record.trials.is_empty() && record.mutation.is_none() {
            parts.push("no attack was run".to_owned());
        } else if contained == 0 && breached + inconclusive == 0 && !record.trials.is_empty() {
            parts.push("the target supports none of the attacks".to_owned());
        } else if breached + inconclusive == 0 && contained > 0 {
            parts.push(if contained == 1 {
                "the attack was contained".to_owned()
            } else {
                format!("all {contained} attacks were contained")
            });
        } else if contained > 0 {
            parts.push(format!("{contained} contained"));
        }
        if let Some(score) = &record.mutation {
            parts.push(format!("{} of {} broken executors caught", score.caught, score.total));
        }
        match record.closed_gaps.len() {
            0 => {}
            1 => parts.push("1 known gap is no longer open".to_owned()),
            more => parts.push(format!("{more} known gaps are no longer open")),
        }
        let severe = record.findings.iter().filter(|finding| finding.severity >= Severity::High).count();
        if severe > 0 {
            parts.push(format!("the policy has {} of severity high or above", count(severe, "finding")));
        }
        Self {
            contained,
            weak: record.trials.iter().filter(|trial| is_weak(trial)).count(),
            breached,
            known,
            inconclusive,
            unsupported: record.count(Verdict::Unsupported),
            witnessed: record.trials.iter().filter(|trial| trial.witnessed).count(),
            outcome,
            word,
            sentence: parts.join("; "),
            exit,
        }
    }

    /// What the exit code means.
    pub(crate) fn meaning(&self) -> &'static str {
        match self.exit {
            exit::CLEAN => "everything that was tried held",
            exit::BREACH if self.word == "MISSED" => "the harness did not catch a broken executor",
            exit::BREACH => "a breach",
            _ => "something is not proved",
        }
    }

    /// Each verdict with its number, in the order of reports.
    pub(crate) fn counts(&self) -> [(Verdict, usize); 4] {
        [
            (Verdict::Contained, self.contained),
            (Verdict::Breached, self.breached),
            (Verdict::Inconclusive, self.inconclusive),
            (Verdict::Unsupported, self.unsupported),
        ]
    }
}

/// Contained, but for no cause that anybody saw.
pub(crate) fn is_weak(trial: &Trial) -> bool {
    trial.verdict == Verdict::Contained && (trial.why == Why::StoppedSilently || trial.cause == Some(Cause::NotShown))
}

/// What the run was, in the parts of one line.
pub(crate) fn run_line(record: &Record) -> Vec<String> {
    let targets: Vec<String> = record
        .targets
        .iter()
        .map(|target| plain(&format!("{} ({} {})", target.name, target.engine, target.version)).into_owned())
        .collect();
    let policy: String = record.policy.sha256.chars().take(12).collect();
    vec![
        plain(&format!("{} {}", record.tool.name, record.tool.version)).into_owned(),
        if targets.is_empty() { "no target".to_owned() } else { targets.join(", ") },
        plain(&format!("policy {} ({policy})", record.policy.name)).into_owned(),
        plain(&format!("{} {} {}", record.host.os, record.host.kernel, record.host.arch)).into_owned(),
        format!(
            "{} of {}",
            record.corpus.selected,
            count(usize::try_from(record.corpus.attacks).unwrap_or(usize::MAX), "attack")
        ),
    ]
}

/// The trials of a verdict, in corpus order.
pub(crate) fn trials(record: &Record, verdict: Verdict) -> Vec<&Trial> {
    record.trials.iter().filter(|trial| trial.verdict == verdict).collect()
}

/// An attack's class: the first part of its id.
pub(crate) fn class(attack: &str) -> &str {
    attack.split('/').next().unwrap_or(attack)
}

/// `1 MiB of 1 MiB (100 %)`.
pub(crate) fn use_of(closeness: &Closeness) -> String {
    let unit = closeness.limit.unit();
    let share = match closeness.cap {
        0 => String::new(),
        cap => format!(" ({} %)", u128::from(closeness.used) * 100 / u128::from(cap)),
    };
    format!("{} of {}{share}", unit.show(closeness.used), unit.show(closeness.cap))
}

/// `4 MiB`, or nothing where the guest did not get past the limit.
pub(crate) fn over(closeness: &Closeness) -> Option<String> {
    (closeness.overshoot > 0).then(|| closeness.limit.unit().show(closeness.overshoot))
}

/// A mechanism that the host offers in part or not at all, and how to get it.
pub(crate) fn lacking(mechanism: &Mechanism) -> Option<String> {
    let how_much = match mechanism.granted {
        Granted::Full => return None,
        Granted::Partial => "in part",
        Granted::None => "missing",
    };
    let remedy = mechanism.remedy.as_ref().map(|remedy| format!("; to get it: {remedy}")).unwrap_or_default();
    Some(plain(&format!("{} {how_much} ({}){remedy}", mechanism.name, mechanism.note)).into_owned())
}

/// The word for how much of a mechanism there is.
pub(crate) fn granted(granted: Granted) -> &'static str {
    match granted {
        Granted::Full => "full",
        Granted::Partial => "partial",
        Granted::None => "none",
    }
}

/// Says that no live control stands behind a verdict, where that is so.
pub(crate) fn live_gap(trial: &Trial) -> Option<&'static str> {
    (!trial.witnessed && trial.verdict == Verdict::Breached).then_some("No live control witnessed this attack.")
}

/// What to do about a trial that proves nothing.
pub(crate) fn advice(why: Why) -> &'static str {
    match why {
        Why::LiveFailed => {
            "The attack does not work here even with the protection lifted, so that its failure shows nothing. \
             Look at how the live run ended; `gauntlet doctor` tells what this host blocks by itself."
        }
        Why::BenignFailed => {
            "The harmless twin could not do its work under this policy, so that the sandbox may simply run nothing. \
             Look at how the benign run ended; a limit may be too tight for honest guests."
        }
        Why::OtherCause => {
            "Something stopped the attack that the attack does not list. If that is the protection you count on, add the cause to \
             `contained-by`; otherwise find out what stepped in first."
        }
        Why::NotMeasured => {
            "The host could not look where this attack leaves its trace. `gauntlet doctor` tells what is missing and how to get it."
        }
        Why::Disagrees => {
            "The executor says one thing and the host measured another. Believe the host, and look for the fault in the executor's account."
        }
        Why::HarnessError => {
            "The harness erred in this trial. Run it again by itself; if it stays, report it with the record."
        }
        Why::TooLarge => {
            "The live control needs more memory than the harness allows itself. Raise `--max-memory` on a larger machine."
        }
        Why::Stopped | Why::StoppedSilently | Why::Obtained | Why::HostDied | Why::Lacking => {
            "The record gives a reason that does not go with this verdict. Look at the evidence, and run it again."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gauntlet_record::example;

    #[test]
    fn the_word_and_the_exit_code_agree() {
        let mut record = example();
        assert_eq!((Summary::of(&record).word, Summary::of(&record).exit), ("BREACHED", exit::BREACH));
        record.known_allowed = true;
        assert_eq!((Summary::of(&record).word, Summary::of(&record).exit), ("INCONCLUSIVE", exit::INCONCLUSIVE));
        record.trials.retain(|trial| trial.verdict != Verdict::Inconclusive);
        assert_eq!(
            (Summary::of(&record).word, Summary::of(&record).exit),
            ("CONTAINED BUT FOR KNOWN GAPS", exit::CLEAN)
        );
        record.complete = false;
        assert_eq!((Summary::of(&record).word, Summary::of(&record).exit), ("INCOMPLETE", exit::INCONCLUSIVE));
        record.complete = true;
        record.mutation.as_mut().unwrap().caught = 0;
        assert_eq!((Summary::of(&record).word, Summary::of(&record).exit), ("MISSED", exit::BREACH));
        record.mutation = None;
        record.trials.retain(|trial| trial.verdict == Verdict::Unsupported);
        assert_eq!((Summary::of(&record).word, Summary::of(&record).exit), ("NOTHING PROVED", exit::INCONCLUSIVE));
    }

    #[test]
    fn a_known_gap_that_no_longer_breaches_is_told() {
        let mut record = example();
        assert!(!Summary::of(&record).sentence.contains("no longer open"));
        record.closed_gaps = vec!["files-read/dot-dot on node-wasi".to_owned()];
        assert!(Summary::of(&record).sentence.contains("1 known gap is no longer open"));
    }

    #[test]
    fn an_exact_limit_is_all_of_it_and_a_limit_of_nothing_has_no_share() {
        let mut closeness = example().trials[0].closeness.clone().unwrap();
        assert_eq!(use_of(&closeness), "1 MiB of 1 MiB (100 %)");
        assert_eq!(over(&closeness), None);
        closeness.cap = 0;
        closeness.overshoot = 1 << 20;
        assert_eq!(use_of(&closeness), "1 MiB of 0 B");
        assert_eq!(over(&closeness).as_deref(), Some("1 MiB"));
    }
}
