//! The run that an audit contains, and where asked for the self test and the layers.

use std::sync::atomic::Ordering;

use gauntlet_audit::Layers;
use gauntlet_record::{Event, Record, Trial};
use gauntlet_runner::{Output, TargetChoice};

use super::Audit;
use crate::commands::run::{cancel_on_signal, plan, preflight, releases, start, trials, without_programs};
use crate::commands::{layers, probes, selftest};
use crate::failure::Failure;
use crate::{inputs, targets};

/// What was made.
pub(super) struct Made {
    pub(super) record: Record,
    pub(super) layers: Option<Layers>,
    pub(super) selftest: Option<Record>,
}

/// Runs the corpus as `gauntlet run` does.
pub(super) fn run(args: &Audit, output: &mut Output) -> Result<Made, Failure> {
    let policy = inputs::policy(&args.policy)?;
    let corpus = inputs::corpus(&args.selection.attacks, &[])?;
    let chosen = args.target.iter().map(|name| targets::plan(name, false, None)).collect::<Result<Vec<_>, _>>()?;
    if chosen.iter().any(|target| !matches!(target.choice, TargetChoice::Command { .. })) {
        preflight(&policy)?;
    }
    let mut plan = plan(&policy, &corpus, chosen, &args.selection, 1, false)?;
    without_programs(&mut plan, &args.selection);
    plan.options.releases = releases(&plan.attacks, false)?;
    if args.layers {
        layers::check(&plan)?;
    }
    let cancel = cancel_on_signal()?;
    let mut record = trials(&plan, start(&plan, &corpus, false), output, &cancel)?;
    let jailed = plan.targets.iter().any(|target| matches!(target.choice, TargetChoice::Worker { .. }));
    if jailed && !cancel.load(Ordering::Relaxed) {
        let mut seen = |trial: Trial| {
            output.append(&Event::TrialFinished { trial: trial.clone() }).map_err(Failure::harness)?;
            record.trials.push(trial);
            Ok(())
        };
        probes::run(&probes::ids(&policy, &args.selection.filter), &cancel, &mut seen)?;
        record.complete &= !cancel.load(Ordering::Relaxed);
    }
    let matrix = if args.layers { Some(layers::look(&plan, &record, &cancel)?) } else { None };
    let layers = match &matrix {
        Some(bytes) => {
            output.write(layers::FILE, bytes).map_err(Failure::harness)?;
            Some(gauntlet_audit::layers(bytes).map_err(Failure::harness)?)
        }
        None => None,
    };
    let tested = if args.selftest {
        let score = selftest::score(&plan, &record, &selftest::mistakes(&[]), true, &cancel)?;
        Some(Record {
            mutation: Some(score),
            complete: record.complete && !cancel.load(Ordering::Relaxed),
            ..record.clone()
        })
    } else {
        None
    };
    record.complete &= !cancel.load(Ordering::Relaxed);
    record.finished = Some(targets::now());
    if record.complete {
        output.append(&Event::RunFinished { at: targets::now() }).map_err(Failure::harness)?;
    }
    // The score is part of the record, as `gauntlet selftest` writes it.
    record.mutation = tested.as_ref().and_then(|tested| tested.mutation.clone());
    Ok(Made { record, layers, selftest: tested })
}
