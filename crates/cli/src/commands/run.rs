//! `gauntlet run`: the attacks against a sandbox, and what that proves.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use gauntlet_corpus::{Attack, Corpus, Live};
use gauntlet_lint::lint;
use gauntlet_policy::{Policy, Requirement};
use gauntlet_record::{CorpusInfo, Event, PolicyInfo, Record, SCHEMA, Tool, Trial, exit};
use gauntlet_report::Format;
use gauntlet_runner::{Launcher, Options, Output, Plan, Progress, TargetChoice, TargetPlan};
use gauntlet_target::TargetError;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

use super::report::{check_place, write_file};
use super::{layers, probes};
use crate::args::{Outputs, Run, Selection};
use crate::failure::Failure;
use crate::{inputs, targets, terminal};

pub(super) fn run(args: &Run) -> Result<u8, Failure> {
    let policy = inputs::policy(&args.policy)?;
    let corpus = inputs::corpus(&args.selection.attacks, &args.only)?;
    let targets = args.target.iter().map(|name| targets::plan(name, args.install)).collect::<Result<Vec<_>, _>>()?;
    let ours = targets.iter().any(|target| !matches!(target.choice, TargetChoice::Command { .. }));
    if ours {
        preflight(&policy)?;
    }
    let mut plan = plan(&policy, &corpus, targets, &args.selection, args.repeat, args.fail_fast)?;
    plan.options.releases = releases(&plan.attacks, args.install)?;
    if args.layers {
        layers::check(&plan)?;
    }
    if args.dry_run {
        return dry_run(&plan);
    }
    for file in [&args.junit, &args.sarif, &args.html, &args.markdown].into_iter().flatten() {
        check_place(file)?;
    }
    let mut output = Output::open(&args.outputs.output).map_err(Failure::usage)?;
    let record = start(&plan, &corpus, args.allow_known);
    let cancel = cancel_on_signal()?;
    let mut record = trials(&plan, record, &mut output, &cancel)?;
    let jailed = plan.targets.iter().any(|target| matches!(target.choice, TargetChoice::Worker { .. }));
    if jailed && args.only.is_empty() && !cancel.load(Ordering::Relaxed) {
        let mut seen = |trial: Trial| {
            output.append(&Event::TrialFinished { trial: trial.clone() }).map_err(Failure::harness)?;
            record.trials.push(trial);
            Ok(())
        };
        probes::run(&policy, &args.selection.filter, &cancel, &mut seen)?;
        record.complete &= !cancel.load(Ordering::Relaxed);
    }
    // As JSON the matrix is all that is printed: two values in a row are no JSON.
    finish_as(&record, &mut output, &args.outputs, !(args.layers && args.outputs.format == Format::Json))?;
    for (format, file) in [
        (Format::Junit, &args.junit),
        (Format::Sarif, &args.sarif),
        (Format::Html, &args.html),
        (Format::Markdown, &args.markdown),
    ] {
        if let Some(file) = file {
            write_file(file, &render(&record, format, false)?)?;
        }
    }
    if args.layers {
        let deep = layers::run(&plan, &record, &mut output, args.outputs.format, &cancel)?;
        // A breach under the whole policy is worse than a layer that stands alone.
        return Ok(if record.exit_code() == exit::CLEAN { deep } else { record.exit_code() });
    }
    Ok(record.exit_code())
}

/// The releases of engines that live controls run on, as far as their environments were built; with `install`, all are built.
fn releases(attacks: &[Attack], install: bool) -> Result<Vec<TargetPlan>, Failure> {
    let names = attacks.iter().filter_map(|attack| match &attack.live {
        Live::Engine(name) => Some(name.as_str()),
        Live::Overlay(_) | Live::Lift(_) | Live::Executor(_) | Live::None(_) => None,
    });
    let names: BTreeSet<&str> = names.collect();
    let found = names.into_iter().map(|name| targets::release(name, install)).collect::<Result<Vec<_>, _>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// Refuses a policy that the executor or the host cannot hold, before any trial.
pub(super) fn preflight(policy: &Policy) -> Result<(), Failure> {
    let Err(error) = gauntlet_sandbox::preflight(policy) else { return Ok(()) };
    let advice = match &error {
        TargetError::Unconfined { .. } => {
            let preset = |(name, text): &(&str, &str)| {
                let policy =
                    Policy::parse(name, text).ok().filter(|policy| gauntlet_sandbox::preflight(policy).is_ok())?;
                Some(((*name).to_owned(), policy))
            };
            let mut fitting = gauntlet_policies::PRESETS.iter().filter_map(preset).collect::<Vec<_>>();
            fitting.sort_by_key(|(name, _)| name != inputs::DEFAULT_POLICY);
            fitting.first().map_or_else(String::new, |(name, other)| {
                let kept: Vec<&str> = required(other);
                let given_up: Vec<String> =
                    required(policy).into_iter().filter(|key| !kept.contains(key)).map(|key| format!("`isolation.{key}`")).collect();
                format!("; the preset `{name}` would run here, and does not require {}. `gauntlet doctor` says how to get them", given_up.join(", "))
            })
        }
        _ => String::new(),
    };
    Err(Failure::harness(
        anyhow!("{error}{advice}").context(format!("the policy `{}` cannot be held here", policy.name)),
    ))
}

/// The mechanisms of confinement that a policy does not run without.
fn required(policy: &Policy) -> Vec<&'static str> {
    let mechanisms = policy.isolation.mechanisms().into_iter();
    mechanisms
        .filter(|(_, requirement)| requirement.value == Requirement::Required)
        .map(|(mechanism, _)| mechanism)
        .collect()
}

/// Puts a plan together. An empty one is wrong input: nothing proved is not a pass.
pub(super) fn plan(
    policy: &Policy,
    corpus: &Corpus,
    targets: Vec<TargetPlan>,
    selection: &Selection,
    repeat: u32,
    fail_fast: bool,
) -> Result<Plan, Failure> {
    let attacks: Vec<Attack> = corpus.select(&selection.filter).into_iter().cloned().collect();
    if attacks.is_empty() {
        let filters = selection.filter.join("`, `");
        return Err(Failure::usage(anyhow!("no attack matches `{filters}`; `gauntlet list attacks` names them")));
    }
    let jobs = selection
        .jobs
        .map_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get), usize::from);
    let options = Options {
        jobs,
        repeat,
        seed: selection.seed.unwrap_or_else(targets::random_seed),
        max_memory: selection.max_memory,
        fail_fast,
        host_memory: gauntlet_sandbox::host_memory(),
        known: inputs::known_gaps(&targets)?,
        ..Options::default()
    };
    Ok(Plan { attacks, targets, reference: Some(targets::plan("worker", false)?), policy: policy.clone(), options })
}

fn dry_run(plan: &Plan) -> Result<u8, Failure> {
    let mut text = String::new();
    for target in &plan.targets {
        for attack in &plan.attacks {
            let note = plan
                .lacking(target, attack)
                .map_or_else(|| attack.title.clone(), |lacking| format!("unsupported: {lacking}"));
            let _ = writeln!(text, "{:<8} {:<44} {note}", target.description.name, attack.id);
        }
    }
    let (trials, plural) = (plan.trials(), if plan.trials() == 1 { "" } else { "s" });
    let _ = writeln!(text, "{trials} trial{plural} of three runs each; nothing was run");
    super::print(text.as_bytes())?;
    Ok(exit::CLEAN)
}

/// The record as it is before the first trial.
pub(super) fn start(plan: &Plan, corpus: &Corpus, known_allowed: bool) -> Record {
    let policy = &plan.policy;
    let mut values = policy.values(plan.options.host_memory);
    for value in &mut values {
        value.not_held = targets::not_expressible(&plan.targets, &value.key)
            .or_else(|| gauntlet_sandbox::not_held(&value.key, policy).map(str::to_owned));
        if value.key.starts_with("limits.") && value.value.contains('%') {
            value.not_held = Some("shares of the host are not proved yet".to_owned());
        }
    }
    Record {
        schema: SCHEMA.to_owned(),
        complete: false,
        tool: Tool { name: "gauntlet".into(), version: env!("CARGO_PKG_VERSION").into() },
        host: targets::host(),
        started: targets::now(),
        finished: None,
        command: std::env::args().collect(),
        seed: plan.options.seed,
        targets: plan.target_infos(),
        policy: PolicyInfo { name: policy.name.clone(), sha256: policy.sha256(), values },
        corpus: CorpusInfo {
            sha256: corpus.sha256.clone(),
            attacks: corpus.attacks.len() as u64,
            selected: plan.attacks.len() as u64,
        },
        trials: Vec::new(),
        findings: lint(policy, &targets::lint_options(true)),
        mutation: None,
        known_allowed,
        closed_gaps: Vec::new(),
    }
}

/// Sets a flag on Ctrl-C or SIGTERM: supervisors are ended, what had finished is kept.
pub(super) fn cancel_on_signal() -> Result<Arc<AtomicBool>, Failure> {
    let cancel = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&cancel);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))
        .map_err(|error| Failure::harness(anyhow::Error::new(error).context("cannot catch Ctrl-C")))?;
    Ok(cancel)
}

/// The program that supervises a run: this one.
pub(super) fn launcher() -> Result<Launcher, Failure> {
    let program = std::env::current_exe().context("cannot find this executable").map_err(Failure::harness)?;
    Ok(Launcher { program, args: vec!["trial".into()] })
}

/// Runs the trials of a plan, with an event on the disk for each.
pub(super) fn trials(
    plan: &Plan,
    mut record: Record,
    output: &mut Output,
    cancel: &AtomicBool,
) -> Result<Record, Failure> {
    let launcher = launcher()?;
    output
        .append(&Event::RunStarted { record: record.clone(), planned: plan.trials() as u64 })
        .map_err(Failure::harness)?;
    let bar = terminal::progress(plan.trials() as u64);
    let mut failed = None;
    let mut seen = |progress: Progress<'_>| match progress {
        Progress::Finished { trial } => {
            bar.set_message(format!("{} {}", trial.verdict, trial.attack));
            bar.inc(1);
            if let Err(error) = output.append(&Event::TrialFinished { trial: trial.clone() }) {
                failed.get_or_insert(error);
            }
        }
        Progress::Calibrated { .. } | Progress::Mutation { .. } => {}
    };
    let clock = Clock::start();
    let trials = gauntlet_runner::run(plan, &launcher, &mut seen, cancel).map_err(Failure::harness)?;
    bar.finish_and_clear();
    anstream::eprintln!("{}", clock.took(plan));
    if let Some(error) = failed {
        return Err(Failure::harness(error));
    }
    record.complete = !cancel.load(Ordering::Relaxed) && (trials.len() == plan.trials() || plan.options.fail_fast);
    record.closed_gaps = plan.closed_gaps(&trials);
    record.trials = trials;
    Ok(record)
}

/// How long trials take, against the CPU time that their processes need.
struct Clock {
    start: Instant,
    cpu: Option<Duration>,
}

impl Clock {
    fn start() -> Self {
        Self { start: Instant::now(), cpu: cpu_of_children() }
    }

    /// A line for people: both figures, and the ratio that a machine with nothing else to do brings close to one.
    fn took(&self, plan: &Plan) -> String {
        let wall = self.start.elapsed().as_secs_f64();
        let jobs = plan.options.jobs.max(1);
        let spent = self.cpu.zip(cpu_of_children()).map(|(before, after)| after.saturating_sub(before).as_secs_f64());
        let against = spent.filter(|cpu| *cpu > 0.0).map_or(String::new(), |cpu| {
            let ratio = wall * jobs as f64 / cpu;
            format!(", {ratio:.2} x the {cpu:.1} s of CPU that its trials used, over {jobs} jobs")
        });
        format!("{} trials took {wall:.1} s{against}", plan.trials())
    }
}

/// CPU time of all processes that were started here and have ended.
fn cpu_of_children() -> Option<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok()?;
    let spent = (usage.user_time() + usage.system_time()).num_nanoseconds();
    Some(Duration::from_nanos(u64::try_from(spent).ok()?))
}

/// Seals the record, writes the reports beside it and prints one.
pub(super) fn finish(record: &Record, output: &mut Output, outputs: &Outputs) -> Result<(), Failure> {
    finish_as(record, output, outputs, true)
}

fn finish_as(record: &Record, output: &mut Output, outputs: &Outputs, prints: bool) -> Result<(), Failure> {
    let record = &Record { finished: Some(targets::now()), ..record.clone() };
    if record.complete {
        output.append(&Event::RunFinished { at: targets::now() }).map_err(Failure::harness)?;
        output.seal(record).map_err(Failure::harness)?;
    }
    let files: [(&str, Format); 4] = [
        ("junit.xml", Format::Junit),
        ("report.sarif", Format::Sarif),
        ("report.html", Format::Html),
        ("report.md", Format::Markdown),
    ];
    for (name, format) in files {
        output.write(name, &render(record, format, false)?).map_err(Failure::harness)?;
    }
    if prints {
        super::print(&render(record, outputs.format, outputs.verbose)?)?;
    }
    let folder: PathBuf = output.path().to_owned();
    if outputs.format == Format::Human {
        anstream::eprintln!("report: {}", folder.join("report.html").display());
    }
    if !record.complete {
        anstream::eprintln!(
            "the run was cut short: {} of its trials had finished, and can be read with `gauntlet report {}`",
            record.trials.len(),
            folder.join("events.jsonl").display()
        );
    }
    Ok(())
}

fn render(record: &Record, format: Format, verbose: bool) -> Result<Vec<u8>, Failure> {
    let color = format == Format::Human && terminal::color_stdout();
    let options = gauntlet_report::Options { color, width: terminal::width(), verbose };
    let mut bytes = Vec::new();
    gauntlet_report::write(record, format, &options, &mut bytes).map_err(Failure::harness)?;
    Ok(bytes)
}
