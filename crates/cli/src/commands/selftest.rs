//! `gauntlet selftest`: executors that are broken on purpose have to be caught.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::anyhow;
use gauntlet_record::{MutationScore, Record, Verdict, exit};
use gauntlet_runner::{Mistake, Output, Plan, Progress};

use super::run::{cancel_on_signal, finish, launcher, plan, preflight, start, trials};
use crate::args::Selftest;
use crate::failure::Failure;
use crate::{inputs, targets, terminal};

pub(super) fn run(args: &Selftest) -> Result<u8, Failure> {
    let policy = inputs::policy(inputs::DEFAULT_POLICY)?;
    let corpus = inputs::corpus(&args.selection.attacks, &[])?;
    preflight(&policy)?;
    let mistakes = mistakes(&args.mistake);
    if mistakes.is_empty() {
        return Err(Failure::usage(anyhow!(
            "no mistake matches `{}`; `gauntlet list mistakes` names them",
            args.mistake.join("`, `")
        )));
    }
    let plan = plan(&policy, &corpus, vec![targets::plan("worker", false)?], &args.selection, 1, false)?;
    let mut output = Output::open(&args.outputs.output).map_err(Failure::usage)?;
    let cancel = cancel_on_signal()?;
    // The reference comes first: only what it contains, with a live control, can catch anything.
    let mut record = trials(&plan, start(&plan, &corpus, false), &mut output, &cancel)?;
    let score = score(&plan, &record, &mistakes, args.quick, &cancel)?;
    record.complete &= !cancel.load(Ordering::Relaxed);
    let all = score.caught == score.total;
    record.mutation = Some(score);
    finish(&record, &mut output, &args.outputs)?;
    if !record.complete || record.count(Verdict::Breached) > 0 {
        return Err(Failure::inconclusive(anyhow!("the reference run is not sound, so the selftest proves nothing")));
    }
    Ok(if all { exit::CLEAN } else { exit::BREACH })
}

/// The mistakes whose names contain one of these texts; all of them, if there is none.
pub(super) fn mistakes(names: &[String]) -> Vec<Mistake> {
    let wanted = |name: &str| names.is_empty() || names.iter().any(|text| name.contains(text.as_str()));
    gauntlet_weakened::mistakes()
        .iter()
        .filter(|mistake| wanted(mistake.name))
        .map(|mistake| Mistake {
            name: mistake.name.into(),
            sentence: mistake.sentence.into(),
            unescaped: mistake.lifts_escaping(),
            offers: mistake.target(false).describe().offers,
            left_out: mistake.left_out().iter().map(|id| (*id).to_owned()).collect(),
            judge: mistake.judge(),
        })
        .collect()
}

/// Tries the mistakes on what the reference contained.
pub(super) fn score(
    plan: &Plan,
    reference: &Record,
    mistakes: &[Mistake],
    quick: bool,
    cancel: &AtomicBool,
) -> Result<MutationScore, Failure> {
    let bar = terminal::progress(mistakes.len() as u64);
    let mut seen = |progress: Progress<'_>| {
        if let Progress::Mutation { mutation } = progress {
            bar.set_message(format!("{} {}", if mutation.caught { "caught" } else { "MISSED" }, mutation.name));
            bar.inc(1);
        }
    };
    let score = gauntlet_runner::selftest(plan, &reference.trials, mistakes, quick, &launcher()?, &mut seen, cancel)
        .map_err(Failure::harness)?;
    bar.finish_and_clear();
    Ok(score)
}
