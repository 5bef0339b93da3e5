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
use gauntlet_record::{CorpusInfo, Event, PlannedTrial, PolicyInfo, Record, SCHEMA, TargetInfo, Tool, Trial, exit};
use gauntlet_report::{Format, Redaction};
use gauntlet_runner::{Launcher, Options, Output, OutputError, Plan, Progress, TargetChoice, TargetPlan};
use gauntlet_target::TargetError;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

use super::report::{check_place, write_file};
use super::{layers, probes, services, share};
use crate::args::{Outputs, Run, Selection};
use crate::failure::Failure;
use crate::scripts::Scripts;
use crate::{inputs, targets, terminal};

pub(super) fn run(args: &Run) -> Result<u8, Failure> {
    if services::named(&args.target) {
        return services::run(args);
    }
    let policy = inputs::policy(&args.policy)?;
    let corpus = inputs::corpus(&args.selection.attacks, &args.only)?;
    let guests = guests(args)?;
    let guests = guests.as_deref();
    let targets =
        args.target.iter().map(|name| targets::plan(name, args.install, guests)).collect::<Result<Vec<_>, _>>()?;
    let ours = targets.iter().any(|target| !matches!(target.choice, TargetChoice::Command { .. }));
    if ours {
        preflight(&policy)?;
    }
    let mut plan = plan(&policy, &corpus, targets, &args.selection, args.repeat, args.fail_fast)?;
    if args.only.is_empty() {
        without_programs(&mut plan, &args.selection);
    }
    if let Some(guests) = guests {
        // What a target is asked with a program, our reference has to answer, too.
        plan.reference = Some(targets::plan("worker", false, Some(guests))?);
        if !args.dry_run {
            Scripts::open(guests, Vec::new()).map_err(|why| Failure::usage(anyhow!(why)))?.warm(&policy)?;
        }
    }
    plan.options.releases = releases(&plan.attacks, args.install)?;
    if args.layers {
        layers::check(&plan)?;
    }
    let sharing = &args.sharing;
    let jailed = plan
        .targets
        .iter()
        .any(|target| matches!(target.choice, TargetChoice::Worker { .. } | TargetChoice::Guests { .. }));
    let probes = if jailed && args.only.is_empty() { probes::ids(&policy, &args.selection.filter) } else { Vec::new() };
    let planned = share::planned(&plan, &probes);
    let (shard, mut left_out) = share::split(sharing, &plan, &planned)?;
    if args.dry_run {
        return dry_run(&plan, &left_out);
    }
    check_files(args)?;
    let (mut output, earlier) = if sharing.resume {
        share::take_up(&args.outputs.output)?
    } else {
        (Output::open(&args.outputs.output).map_err(Failure::usage)?, None)
    };
    if let (Some(earlier), None) = (&earlier, args.selection.seed) {
        plan.options.seed = earlier.seed;
    }
    let redaction = sharing.redact.then(share::redaction);
    let mut log = Log { output: &mut output, redaction: redaction.as_ref() };
    let mut record = Record { shard, ..start(&plan, &corpus, args.allow_known) };
    log.redact(&mut record);
    let mut finished = Vec::new();
    let resumed = earlier.is_some();
    if let Some(mut earlier) = earlier {
        share::same_run(&earlier, &record)?;
        share::in_order(&mut earlier.trials, record.shard.as_ref().map_or(&planned, |shard| &shard.planned))?;
        if earlier.complete {
            anstream::eprintln!("the run in `{}` had ended", args.outputs.output.display());
            super::print(&render(&earlier, args.outputs.format, args.outputs.verbose)?)?;
            return Ok(earlier.exit_code());
        }
        finished = std::mem::take(&mut earlier.trials);
        left_out.extend(
            finished.iter().map(|trial| PlannedTrial { target: trial.target.clone(), attack: trial.attack.clone() }),
        );
        anstream::eprintln!("going on: {} trials had finished", finished.len());
        record = earlier;
    }
    plan.options.skip = left_out.iter().map(|cell| (cell.target.clone(), cell.attack.clone())).collect();
    let cancel = cancel_on_signal()?;
    let mut record = trials_of(&plan, record, &mut log, &cancel, resumed)?;
    let probes: Vec<String> = probes
        .into_iter()
        .filter(|id| !left_out.iter().any(|cell| cell.target == "worker" && cell.attack == *id))
        .collect();
    if !cancel.load(Ordering::Relaxed) {
        let mut seen = |mut trial: Trial| {
            log.finished(&mut trial).map_err(Failure::harness)?;
            record.trials.push(trial);
            Ok(())
        };
        probes::run(&probes, &cancel, &mut seen)?;
        record.complete &= !cancel.load(Ordering::Relaxed);
    }
    if resumed {
        record.trials.extend(finished);
        share::in_order(&mut record.trials, record.shard.as_ref().map_or(&planned, |shard| &shard.planned))?;
        record.closed_gaps = plan.closed_gaps(&record.trials);
    }
    // As JSON the matrix is all that is printed: two values in a row are no JSON.
    finish_as(&record, &mut output, &args.outputs, !(args.layers && args.outputs.format == Format::Json))?;
    more_files(&record, args)?;
    if args.layers {
        let (deep, matrix) = layers::run(&plan, &record, &mut output, args.outputs.format, &cancel)?;
        let matrix = gauntlet_report::layers(&matrix).map_err(Failure::harness)?;
        let mut page = Vec::new();
        gauntlet_report::write_page(&record, &matrix, &mut page).map_err(Failure::harness)?;
        output.write("report.html", &page).map_err(Failure::harness)?;
        // A breach under the whole policy is worse than a layer that stands alone.
        return Ok(if record.exit_code() == exit::CLEAN { deep } else { record.exit_code() });
    }
    Ok(record.exit_code())
}

/// Whether the reports that were asked for by file can be written, before anything is run.
pub(super) fn check_files(args: &Run) -> Result<(), Failure> {
    for file in [&args.junit, &args.sarif, &args.html, &args.markdown].into_iter().flatten() {
        check_place(file)?;
    }
    Ok(())
}

/// The reports that were asked for by file.
pub(super) fn more_files(record: &Record, args: &Run) -> Result<(), Failure> {
    for (format, file) in [
        (Format::Junit, &args.junit),
        (Format::Sarif, &args.sarif),
        (Format::Html, &args.html),
        (Format::Markdown, &args.markdown),
    ] {
        if let Some(file) = file {
            write_file(file, &render(record, format, false)?)?;
        }
    }
    Ok(())
}

/// Where language guests were built, if they are to run programs.
fn guests(args: &Run) -> Result<Option<PathBuf>, Failure> {
    match &args.guests {
        None => Ok(None),
        Some(place) => super::guests::place(place.as_deref()).map(Some),
    }
}

/// The releases of engines that live controls run on, as far as their environments were built; with `install`, all are built.
pub(super) fn releases(attacks: &[Attack], install: bool) -> Result<Vec<TargetPlan>, Failure> {
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
    Ok(Plan {
        attacks,
        targets,
        reference: Some(targets::plan("worker", false, None)?),
        policy: policy.clone(),
        options,
    })
}

/// Leaves out attacks by a program in a language where no target runs one, unless a filter asked for them: a sandbox for WebAssembly alone
/// lacks nothing without them.
pub(super) fn without_programs(plan: &mut Plan, selection: &Selection) {
    let speaks = |target: &TargetPlan| target.description.offers.iter().any(|offer| offer.starts_with("language:"));
    if !selection.filter.is_empty() || plan.targets.iter().any(speaks) {
        return;
    }
    let all = plan.attacks.len();
    plan.attacks.retain(|attack| attack.language.is_none());
    let left_out = all - plan.attacks.len();
    if left_out > 0 {
        anstream::eprintln!("left out: {left_out} attacks by programs in a language; `--guests` has them run");
    }
}

fn dry_run(plan: &Plan, left_out: &[PlannedTrial]) -> Result<u8, Failure> {
    let mut text = String::new();
    let mut trials = 0;
    for target in &plan.targets {
        let name = &target.description.name;
        let here = |attack: &&Attack| !left_out.iter().any(|cell| cell.target == *name && cell.attack == attack.id);
        for attack in plan.attacks.iter().filter(here) {
            trials += 1;
            let note = plan
                .lacking(target, attack)
                .map_or_else(|| attack.title.clone(), |lacking| format!("unsupported: {lacking}"));
            let _ = writeln!(text, "{:<8} {:<44} {note}", target.description.name, attack.id);
        }
    }
    let plural = if trials == 1 { "" } else { "s" };
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
        targets: target_infos(plan),
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
        shard: None,
        parts: Vec::new(),
    }
}

/// The targets, each with the digest of what runs guests: this program for our own executors, its file for a foreign one.
fn target_infos(plan: &Plan) -> Vec<TargetInfo> {
    let own = std::env::current_exe().ok().and_then(|path| std::fs::read(path).ok());
    let own = own.map(|bytes| gauntlet_report::bundle::digest(&bytes));
    let digest = |choice: &TargetChoice| match choice {
        TargetChoice::Command { file } => Some(gauntlet_record::digest(file.text.as_bytes())),
        TargetChoice::Worker { .. }
        | TargetChoice::Guests { .. }
        | TargetChoice::Inline { .. }
        | TargetChoice::Weakened { .. } => own.clone(),
        TargetChoice::Custom { .. } => None,
    };
    let infos = plan.target_infos().into_iter().zip(&plan.targets);
    infos.map(|(info, target)| TargetInfo { sha256: digest(&target.choice), ..info }).collect()
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
pub(super) fn trials(plan: &Plan, record: Record, output: &mut Output, cancel: &AtomicBool) -> Result<Record, Failure> {
    trials_of(plan, record, &mut Log { output, redaction: None }, cancel, false)
}

/// The events of a run, without what is not to be told.
struct Log<'a> {
    output: &'a mut Output,
    redaction: Option<&'a Redaction>,
}

impl Log<'_> {
    fn redact(&self, record: &mut Record) {
        if let Some(redaction) = self.redaction {
            redaction.redact(record);
        }
    }

    fn finished(&mut self, trial: &mut Trial) -> Result<(), OutputError> {
        if let Some(redaction) = self.redaction {
            redaction.trial(trial);
        }
        self.output.append(&Event::TrialFinished { trial: trial.clone() })
    }
}

fn trials_of(
    plan: &Plan,
    mut record: Record,
    log: &mut Log<'_>,
    cancel: &AtomicBool,
    resumed: bool,
) -> Result<Record, Failure> {
    let launcher = launcher()?;
    if !resumed {
        let started = Event::RunStarted { record: record.clone(), planned: plan.trials() as u64 };
        log.output.append(&started).map_err(Failure::harness)?;
    }
    let bar = terminal::progress(plan.trials() as u64);
    let mut failed = None;
    let mut seen = |progress: Progress<'_>| match progress {
        Progress::Finished { trial } => {
            bar.set_message(format!("{} {}", trial.verdict, trial.attack));
            bar.inc(1);
            if let Err(error) = log.finished(&mut trial.clone()) {
                failed.get_or_insert(error);
            }
        }
        Progress::Calibrated { .. } | Progress::Mutation { .. } => {}
    };
    let clock = Clock::start();
    // Of a part in which nothing is left to do, nothing is measured either.
    let mut trials = if plan.trials() == 0 {
        Vec::new()
    } else {
        gauntlet_runner::run(plan, &launcher, &mut seen, cancel).map_err(Failure::harness)?
    };
    bar.finish_and_clear();
    anstream::eprintln!("{}", clock.took(plan));
    if let Some(error) = failed {
        return Err(Failure::harness(error));
    }
    record.complete = !cancel.load(Ordering::Relaxed) && (trials.len() == plan.trials() || plan.options.fail_fast);
    if let Some(redaction) = log.redaction {
        trials.iter_mut().for_each(|trial| redaction.trial(trial));
    }
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
    write_reports(record, output)?;
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

/// Writes the reports that lie beside every record.
pub(super) fn write_reports(record: &Record, output: &mut Output) -> Result<(), Failure> {
    for format in [Format::Junit, Format::Sarif, Format::Html, Format::Markdown] {
        output.write(format.file_name(), &render(record, format, false)?).map_err(Failure::harness)?;
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
