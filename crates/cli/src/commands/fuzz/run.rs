//! The run as a whole: lanes as child processes, their ends and deaths, progress, what to do at the end.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use gauntlet_fuzzing::{Finding, GENERATOR, PAIRS, Pair, Stage, Stats, Stored, pair};
use gauntlet_record::exit;
use serde::{Deserialize, Serialize};

use super::args;
use super::bench::{Stand, policy};
use super::lane::{Spec, Told, journal, wanted};
use crate::failure::Failure;
use crate::{targets, terminal};

/// Deaths of lanes in one pair after which it is given up: each is a finding already.
const DEATHS: u64 = 20;
/// How long a lane may take until its first case, which on a busy machine says nothing of what is fuzzed.
const START: Duration = Duration::from_secs(600);
/// How often the parent looks round.
const LOOK: Duration = Duration::from_millis(100);
/// What `state.json` is called.
const STATE: &str = "state.json";

/// How far a run has come, for `--resume`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    generator: String,
    seed: u64,
    target: String,
    policy: Option<String>,
    /// The first case of each pair that was not run.
    next: BTreeMap<String, u64>,
}

/// Something that was found, as the parent knows it.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) folder: PathBuf,
    pub(super) oracle: String,
    pub(super) place: String,
    pub(super) message: String,
    pub(super) case: u64,
}

/// What came of one pair.
#[derive(Debug, Default)]
pub(super) struct PairRun {
    pub(super) stats: Stats,
    /// The findings, one a group.
    pub(super) found: Vec<Found>,
    /// Findings in all.
    pub(super) total: u64,
    /// Why it ended early.
    pub(super) stopped: Option<(String, bool)>,
    /// The first case that was not run.
    next: u64,
}

/// What to run, with everything decided.
pub(super) struct Order<'a> {
    pub(super) seed: u64,
    pub(super) from: u64,
    pub(super) until: Option<u64>,
    pub(super) millis: Option<u64>,
    pub(super) jobs: u64,
    pub(super) policy: Option<&'a str>,
    pub(super) target: &'a str,
    pub(super) output: &'a Path,
    pub(super) first: bool,
    pub(super) patience: Duration,
    pub(super) quiet: bool,
    /// Only findings of this oracle whose message holds these words.
    pub(super) only: Option<(String, String)>,
}

pub(super) fn run(args: &args::Run) -> Result<u8, Failure> {
    let mut pairs: Vec<&'static Pair> = match &args.pair {
        Some(id) => vec![pair(id).ok_or_else(|| {
            let ids: Vec<&str> = PAIRS.iter().map(|pair| pair.id).collect();
            Failure::usage(anyhow!("no pair `{id}`; there are {}", ids.join(", ")))
        })?],
        None => Vec::new(),
    };
    let cancel = super::super::run::cancel_on_signal()?;
    let mut state = state(args)?;
    // Fail before anything runs: a wrong policy or target is no crash of a lane.
    let stand = Stand::new(&args.target, policy(args.policy.as_deref())?)?;
    if pairs.is_empty() {
        // Of a foreign sandbox little is known but that it takes WASI guests; whoever wants more of it names the pair.
        pairs = PAIRS.iter().filter(|pair| !stand.is_foreign() || pair.id == "wasi-sequences").collect();
    }
    drop(stand);
    fs::create_dir_all(&args.output)
        .with_context(|| format!("cannot make `{}`", args.output.display()))
        .map_err(Failure::harness)?;
    let jobs =
        args.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64), u64::from);
    anstream::eprintln!("fuzzing {} with seed {}", args.target, state.seed);
    let share = args.time / 1_000_000 / pairs.len() as u64;
    let (mut total, mut healthy, mut stopped) = (0, true, None);
    let mut all: Vec<Found> = Vec::new();
    for pair in pairs {
        let from = state.next.get(pair.id).copied().unwrap_or(0);
        let order = Order {
            seed: state.seed,
            from,
            until: args.cases.map(|cases| from.saturating_add(cases)),
            millis: args.cases.is_none().then_some(share),
            jobs,
            policy: args.policy.as_deref(),
            target: &args.target,
            output: &args.output,
            first: args.first,
            patience: Duration::from_nanos(args.patience),
            quiet: false,
            only: None,
        };
        let ran = run_pair(pair, &order, &cancel)?;
        state.next.insert(pair.id.to_owned(), ran.next);
        let saved = save(&state, &args.output);
        show(pair, &ran)?;
        // On a full disk the run says how to go on; the state is that of the pair before.
        if ran.stopped.is_none() {
            saved?;
        }
        // Pairs that run no guest say nothing of a foreign executor; a broken one may well refuse more than is healthy.
        healthy &=
            args.target != "inline" || ran.total > 0 || ran.stats.health(pair).iter().all(|figure| figure.holds());
        total += ran.total;
        all.extend(ran.found);
        if ran.stopped.is_some() || cancel.load(Ordering::Relaxed) {
            stopped = ran.stopped;
            break;
        }
    }
    if !args.no_minimize && !cancel.load(Ordering::Relaxed) {
        minimize(&all)?;
    }
    if cancel.load(Ordering::Relaxed) || stopped.is_some() {
        let again = format!("gauntlet fuzz --resume --output {}", args.output.display());
        anstream::eprintln!("what was found is in `{}`; to go on: {again}", args.output.display());
    }
    match stopped {
        Some((why, true)) => {
            let seed = state.seed;
            return Err(Failure::harness(anyhow!(
                "{why}; make room and go on with `--resume`, or with `--seed {seed}`"
            )));
        }
        Some((why, false)) if total == 0 => return Err(Failure::harness(anyhow!(why))),
        _ => {}
    }
    Ok(match (total, cancel.load(Ordering::Relaxed) || !healthy) {
        (0, false) => exit::CLEAN,
        (0, true) => exit::INCONCLUSIVE,
        _ => exit::BREACH,
    })
}

/// The state to begin with: that of the folder, or a new one.
fn state(args: &args::Run) -> Result<State, Failure> {
    let path = args.output.join(STATE);
    let fresh = || State {
        generator: GENERATOR.to_owned(),
        seed: args.seed.unwrap_or_else(targets::random_seed),
        target: args.target.clone(),
        policy: args.policy.clone(),
        next: BTreeMap::new(),
    };
    if !args.resume {
        return Ok(fresh());
    }
    let usage = |error: anyhow::Error| Failure::usage(error.context(format!("cannot go on from `{}`", path.display())));
    let text = gauntlet_policy::read_limited(&path, 1 << 20).map_err(|error| usage(error.into()))?;
    let state: State = serde_json::from_slice(&text).map_err(|error| usage(error.into()))?;
    if args.seed.is_some_and(|seed| seed != state.seed) {
        return Err(usage(anyhow!("it was begun with seed {}, not with this one", state.seed)));
    }
    if (state.target.as_str(), &state.policy) != (args.target.as_str(), &args.policy) {
        return Err(usage(anyhow!(
            "it was begun on target `{}`, with another policy or target than now",
            state.target
        )));
    }
    if state.generator != GENERATOR {
        anstream::eprintln!(
            "the seed was made by generator {}, and means other cases now: they begin anew",
            state.generator
        );
        return Ok(State { generator: GENERATOR.to_owned(), next: BTreeMap::new(), ..state });
    }
    Ok(state)
}

fn save(state: &State, output: &Path) -> Result<(), Failure> {
    let text = serde_json::to_vec_pretty(state).map_err(Failure::harness)?;
    gauntlet_runner::write_atomically(&output.join(STATE), &text)
        .with_context(|| format!("cannot write to `{}`", output.display()))
        .map_err(Failure::harness)
}

/// A lane that runs, as the parent sees it.
struct Lane {
    child: Child,
    spec: Spec,
    stats: Stats,
    /// The last case in the journal, and when it was first seen there.
    last: (Option<u64>, Instant),
    ended: bool,
    /// Whether it found something: then it ends by itself, if the first finding ends it.
    found: bool,
}

/// Runs one pair to its end.
pub(super) fn run_pair(pair: &'static Pair, order: &Order<'_>, cancel: &AtomicBool) -> Result<PairRun, Failure> {
    let scratch = tempfile::tempdir().context("cannot make a temporary folder").map_err(Failure::harness)?;
    let end = order.millis.map(|millis| Instant::now() + Duration::from_millis(millis));
    let (tell, heard) = mpsc::channel::<(usize, Option<Told>)>();
    let mut run = PairRun { next: order.from, ..PairRun::default() };
    let mut lanes: Vec<Lane> = Vec::new();
    let jobs = order.until.map_or(order.jobs, |until| order.jobs.min(until.saturating_sub(order.from))).max(1);
    for job in 0..jobs {
        let spec = Spec {
            pair: pair.id.to_owned(),
            seed: order.seed,
            from: order.from + job,
            step: jobs,
            until: order.until,
            millis: order.millis,
            policy: order.policy.map(str::to_owned),
            target: order.target.to_owned(),
            output: order.output.to_owned(),
            journal: scratch.path().join(format!("journal-{job}")),
            first: order.first,
            only: order.only.clone(),
        };
        lanes.push(start(spec, scratch.path(), lanes.len(), &tell)?);
    }
    let mut deaths = 0;
    let mut shown = Instant::now();
    while lanes.iter().any(|lane| !lane.ended) {
        let ended = match heard.recv_timeout(LOOK) {
            Ok((at, Some(told))) => {
                hear(&mut run, &mut lanes[at], told, order);
                None
            }
            Ok((at, None)) => Some(at),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        if let Some(at) = ended {
            let status = lanes[at].child.wait().context("cannot wait for a lane").map_err(Failure::harness)?;
            lanes[at].ended = true;
            run.stats.merge(&lanes[at].stats.clone());
            let told_to = cancel.load(Ordering::Relaxed) || run.stopped.is_some() || (order.first && run.total > 0);
            let whole = status.success() || told_to;
            if !whole {
                deaths += 1;
                let next = died(&mut run, pair, &lanes[at], status, order, scratch.path(), at)?;
                let over =
                    end.is_some_and(|end| Instant::now() >= end) || (order.first && run.total > 0) || deaths >= DEATHS;
                if !over {
                    let left = end.map(|end| end.saturating_duration_since(Instant::now()).as_millis());
                    let millis = left.map(|left| u64::try_from(left).unwrap_or(u64::MAX));
                    let spec = Spec { from: next, millis, ..lanes[at].spec.clone() };
                    lanes.push(start(spec, scratch.path(), lanes.len(), &tell)?);
                }
            }
        }
        // The one that found it ends; the others have no more to look for.
        let enough = order.first && run.total > 0;
        for lane in lanes.iter_mut().filter(|lane| !lane.ended) {
            let case = journal(&lane.spec.journal).map(|(case, _)| case);
            if case != lane.last.0 {
                lane.last = (case, Instant::now());
            }
            let patience = if case.is_some() { order.patience } else { START };
            if enough || cancel.load(Ordering::Relaxed) || lane.last.1.elapsed() > patience || run.stopped.is_some() {
                // It may have ended by itself.
                let _ = lane.child.kill();
            }
        }
        if !order.quiet && terminal::shows_progress() && shown.elapsed() >= Duration::from_millis(500) {
            shown = Instant::now();
            let mut now = run.stats.clone();
            lanes.iter().filter(|lane| !lane.ended).for_each(|lane| now.merge(&lane.stats));
            anstream::eprint!("\r\u{1b}[K{}: {now}", pair.id);
        }
    }
    if !order.quiet && terminal::shows_progress() {
        anstream::eprint!("\r\u{1b}[K");
    }
    // Every case before the least that any lane had begun was run.
    run.next = lanes
        .iter()
        .map(|lane| {
            journal(&lane.spec.journal)
                .map_or(lane.spec.from, |(case, _)| case.max(lane.spec.from) + u64::from(lane.ended))
        })
        .min()
        .unwrap_or(order.from)
        .max(order.from);
    if let Some(until) = order.until
        && run.stopped.is_none()
        && !cancel.load(Ordering::Relaxed)
        && !order.first
    {
        run.next = until;
    }
    Ok(run)
}

fn start(spec: Spec, scratch: &Path, at: usize, tell: &Sender<(usize, Option<Told>)>) -> Result<Lane, Failure> {
    let file = scratch.join(format!("lane-{at}.json"));
    fs::write(&file, serde_json::to_vec(&spec).map_err(Failure::harness)?)
        .context("cannot write what a lane is to do")
        .map_err(Failure::harness)?;
    let program = std::env::current_exe().context("cannot find this executable").map_err(Failure::harness)?;
    let errors = File::create(scratch.join(format!("lane-{at}.stderr"))).map_err(Failure::harness)?;
    let mut child = Command::new(program)
        .args(["fuzz", "lane"])
        .arg(&file)
        // What a lane leaves behind when it is killed goes with the run.
        .env("TMPDIR", scratch)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .context("cannot start a lane")
        .map_err(Failure::harness)?;
    let out = child.stdout.take().ok_or_else(|| Failure::harness(anyhow!("a lane without output")))?;
    let tell = tell.clone();
    // What it says, and that it is over: a closed pipe.
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            // Guests may write to the streams of an executor that lets them.
            if let Ok(told) = serde_json::from_str::<Told>(&line)
                && tell.send((at, Some(told))).is_err()
            {
                return;
            }
        }
        let _ = tell.send((at, None));
    });
    Ok(Lane { child, spec, stats: Stats::default(), last: (None, Instant::now()), ended: false, found: false })
}

fn hear(run: &mut PairRun, lane: &mut Lane, told: Told, order: &Order<'_>) {
    match told {
        Told::Stats(stats) | Told::Done(stats) => lane.stats = stats,
        Told::Found { folder, oracle, place, message, case } => {
            lane.found = true;
            take(run, Found { folder, oracle, place, message, case }, order);
        }
        Told::Stopped(why, disk) => run.stopped = Some((why, disk)),
    }
}

fn take(run: &mut PairRun, found: Found, order: &Order<'_>) {
    if !wanted(order.only.as_ref(), &found.oracle, &found.message) {
        return;
    }
    run.total += 1;
    if run.found.iter().any(|known| (&known.oracle, &known.place) == (&found.oracle, &found.place)) {
        return;
    }
    if !order.quiet {
        anstream::eprintln!("found: {}: {} ({})", found.oracle, found.message, found.folder.display());
    }
    run.found.push(found);
}

/// A lane died, or was killed since a case took too long: that is a finding, and its case is in the journal. Gives the case to go on with.
fn died(
    run: &mut PairRun,
    pair: &'static Pair,
    lane: &Lane,
    status: ExitStatus,
    order: &Order<'_>,
    scratch: &Path,
    at: usize,
) -> Result<u64, Failure> {
    let spec = &lane.spec;
    let words = tail(&scratch.join(format!("lane-{at}.stderr")));
    let Some((case, stage)) = journal(&spec.journal) else {
        return Err(Failure::harness(anyhow!("a lane ended before its first case ({status}): {words}")));
    };
    let late = lane.last.1.elapsed() > order.patience;
    let finding = match (late, status.signal()) {
        (true, _) => Finding::of("deadline-overshoot", "a case did not end, and its process was killed"),
        (false, Some(signal)) => {
            Finding::of("no-host-panic", &format!("the process that ran the guest died of signal {signal}: {words}"))
        }
        (false, None) => {
            Finding::of("no-host-panic", &format!("the process that ran the guest ended: {status}: {words}"))
        }
    };
    // The place of a death is the signal: what the last words are differs from time to time.
    let place = match status.signal() {
        _ if late => "too late".to_owned(),
        Some(signal) => format!("signal {signal}"),
        None => format!("{status}"),
    };
    let finding = Finding { place, ..finding };
    // Made again from the seed; it was made before, unless making it was what killed the lane.
    let stand = Stand::new(order.target, policy(order.policy)?)?;
    let made = match stage {
        Stage::Run => stand.with(|bench| gauntlet_fuzzing::case(pair, bench, spec.seed, case)).ok().flatten(),
        Stage::Generate => None,
    };
    let stored = Stored::new(pair.id, order.target, spec.seed, case, &finding, &made.unwrap_or_default());
    match stored.store(order.output) {
        Ok(folder) => {
            let message = finding.message.as_str().to_owned();
            take(run, Found { folder, oracle: finding.oracle, place: finding.place, message, case }, order);
        }
        Err(error) => {
            let lost = format!("case {case} of pair {} under seed {} is not stored", pair.id, spec.seed);
            run.stopped = Some((format!("{lost}: {error}"), true));
        }
    }
    Ok(case + spec.step)
}

/// The last words of a lane.
fn tail(path: &Path) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(400)))?;
        let mut bytes = Vec::new();
        file.take(400).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    read().unwrap_or_default()
}

/// Says how a pair went.
fn show(pair: &Pair, ran: &PairRun) -> Result<(), Failure> {
    let mut text = format!("{}: {}\n", pair.id, ran.stats);
    let figures: Vec<String> = ran.stats.health(pair).iter().map(ToString::to_string).collect();
    text.push_str(&format!("  health: {}\n", figures.join(", ")));
    for found in &ran.found {
        text.push_str(&format!(
            "  {}: {} (case {}, {})\n",
            found.oracle,
            found.message,
            found.case,
            found.folder.display()
        ));
    }
    if ran.total > ran.found.len() as u64 {
        text.push_str(&format!("  {} more of the same\n", ran.total - ran.found.len() as u64));
    }
    super::super::print(text.as_bytes())
}

/// Makes one finding of each group smaller, each in a process of its own: what it runs may end it.
fn minimize(all: &[Found]) -> Result<(), Failure> {
    let program = std::env::current_exe().context("cannot find this executable").map_err(Failure::harness)?;
    for found in all.iter().take(16) {
        let done = Command::new(&program)
            .args(["fuzz", "minimize", "--runs", "200"])
            .arg(&found.folder)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .context("cannot start the minimizer")
            .map_err(Failure::harness)?;
        super::super::print(&done.stdout)?;
    }
    Ok(())
}
