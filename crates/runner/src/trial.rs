//! The supervisor: one process a run. It owns the run's world, starts the target inside it, measures, cleans up and answers with one
//! [`Run`] on its standard output.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gauntlet_corpus::Obtains;
use gauntlet_policy::{FileGrant, Policy};
use gauntlet_record::{
    Cause, CorpusInfo, Denial, Ending, EndingInfo, GuestText, Host, LimitKey, MAX_NAME_BYTES, MAX_TEXT_BYTES, Measured,
    PolicyInfo, Record, Role, Run, SCHEMA, Tool, Trial, ValueInForce,
};
use gauntlet_target::{CommandFile, EndingSeen, Job, Outcome, Target, is_fault_signal};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::canary::find;
use crate::measure::{Calibration, Inherited, Observed, Stopped, Watch};
use crate::obtains::obtained;
use crate::snapshot::Snapshot;
use crate::world::{Regions, World};

/// Which sandbox a run goes to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetChoice {
    /// The built-in executor in a jailed process of its own.
    Worker {
        /// Protections that are left out, by id.
        lift: Vec<String>,
    },
    /// The built-in executor in a jailed process of its own, which also runs programs in the languages whose guests were built.
    Guests {
        /// Where they were built.
        cache: PathBuf,
        /// Protections that are left out, by id.
        lift: Vec<String>,
    },
    /// The built-in executor in its caller's process.
    Inline {
        /// Protections that are left out, by id.
        lift: Vec<String>,
    },
    /// An executor that is broken on purpose.
    Weakened {
        /// Its name.
        name: String,
        /// Whether the layers behind the mistake are in place.
        backstops: bool,
    },
    /// A program, described by a file.
    Command {
        /// The file, as text: it is read once, and what it says holds for the whole run.
        file: Box<CommandFile>,
    },
    /// A sandbox that the program linked in.
    Custom {
        /// A name of its own.
        name: String,
        /// Protections that it is asked to leave out, by id. What it cannot leave out it keeps, and the host sees what came of that.
        lift: Vec<String>,
    },
}

impl TargetChoice {
    /// Whether the target may be unable to say what stopped a guest.
    #[must_use]
    pub const fn may_be_silent(&self) -> bool {
        matches!(self, Self::Command { .. } | Self::Custom { .. })
    }

    /// Whether guest text is escaped in what this target's runs leave behind.
    #[must_use]
    pub fn escapes(&self) -> bool {
        match self {
            Self::Worker { lift } | Self::Inline { lift } | Self::Guests { lift, .. } => {
                !lift.iter().any(|id| id == ESCAPING)
            }
            Self::Weakened { .. } | Self::Command { .. } | Self::Custom { .. } => true,
        }
    }
}

/// The id of the protection that the harness itself holds: escaped guest text.
pub(crate) const ESCAPING: &str = "escaping";

/// How many grants, from the first of each kind, are fixtures of the harness and not the user's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixtureCounts {
    /// Directories.
    pub filesystem: usize,
    /// Addresses.
    pub network: usize,
    /// Variables.
    pub environment: usize,
    /// Arguments.
    pub arguments: usize,
}

/// Everything that a supervisor needs to know about its run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialSpec {
    /// Which of a trial's runs.
    pub role: Role,
    /// Where it runs.
    pub target: TargetChoice,
    /// The guest, which lies in a file of its own beside this.
    #[serde(skip)]
    pub guest: Vec<u8>,
    /// The language that the guest is a program in, if it is.
    pub language: Option<String>,
    /// The entry, if it is not the default.
    pub entry: Option<String>,
    /// What the attack wants.
    pub obtains: Obtains,
    /// The policy in force, with host paths as they are written.
    pub policy: Policy,
    /// Which of its grants are fixtures.
    pub fixtures: FixtureCounts,
    /// The folders that the attack itself asks for: they decide what counts as outside.
    pub attack_grants: Vec<FileGrant>,
    /// The folders that the policy under test grants.
    pub user_grants: Vec<FileGrant>,
    /// The values in force, for the record.
    pub values: Vec<ValueInForce>,
    /// Memory that shares are taken of, in bytes.
    pub host_memory: u64,
    /// The first twelve digits of the nonce.
    pub nonce_stem: String,
    /// The word of the run's canary.
    pub canary: String,
    /// Whether guest text is escaped; a live control of a report attack leaves it as it is.
    pub escaping: bool,
    /// When the harness ends the run, in nanoseconds.
    pub watchdog: u64,
    /// At how much memory the harness ends it, in bytes.
    pub memory_ceiling: u64,
    /// What an empty guest uses.
    pub calibration: Calibration,
    /// The private directory of the run.
    pub directory: PathBuf,
    /// The process that started the supervisor.
    pub runner: u32,
    /// The trial as it stands before any run: reports are made with it to see what they let through.
    pub skeleton: Trial,
}

/// Most denials that a run keeps; their causes are kept all the same.
const MAX_DENIALS: usize = 256;
const SPEC_FILE: &str = "spec.json";
const GUEST_FILE: &str = "guest.bin";

impl TrialSpec {
    /// Writes the spec into the run's directory and returns the file that [`serve`] takes.
    ///
    /// # Errors
    ///
    /// If the directory cannot be written to.
    pub fn write(&self) -> io::Result<PathBuf> {
        fs::write(self.directory.join(GUEST_FILE), &self.guest)?;
        let path = self.directory.join(SPEC_FILE);
        serde_json::to_writer(io::BufWriter::new(File::create(&path)?), self)?;
        Ok(path)
    }

    /// Reads a spec back and removes it: it holds the canary, and no guest shall find it lying about.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut spec: Self = serde_json::from_reader(io::BufReader::new(File::open(path)?))?;
        let guest = spec.directory.join(GUEST_FILE);
        spec.guest = fs::read(&guest)?;
        fs::remove_file(guest)?;
        fs::remove_file(path)?;
        Ok(spec)
    }
}

/// What a supervisor answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// The run.
    Run(Box<Run>),
    /// The harness could not do it.
    Failed(String),
}

/// Finds raw payloads in every report that could be made of a record, and says how long the longest is.
///
/// The words are those of `obtains: report`: `raw-control`, `markup`, `ci-command`, `forged`.
pub type Payloads<'a> = &'a dyn Fn(&Record) -> (Vec<String>, u64);

/// Makes the target that a supervisor is asked for, or says why it cannot.
pub type MakeTarget<'a> = &'a dyn Fn(&TargetChoice) -> Result<Box<dyn Target>, String>;

/// A run that could not be supervised.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SuperviseError {
    /// The run's world could not be built or looked at.
    #[error("cannot {what}")]
    World {
        /// What we tried.
        what: &'static str,
        /// What the system answered.
        source: io::Error,
    },
    /// The target could not run a guest at all.
    #[error("the target failed")]
    Target(#[source] gauntlet_target::TargetError),
    /// The target cannot be made.
    #[error("cannot make the target: {0}")]
    NoTarget(String),
    /// The target panicked in its caller's process.
    #[error("the target panicked: {0}")]
    Panicked(String),
    /// The process that started us is gone.
    #[error("the runner is gone")]
    Orphaned,
}

fn world(what: &'static str) -> impl FnOnce(io::Error) -> SuperviseError {
    move |source| SuperviseError::World { what, source }
}

/// The whole life of a supervisor process: reads its spec, makes the target, supervises the run and writes the answer to standard output.
/// Call it from the main thread of a process that the runner started and that does nothing else.
///
/// # Errors
///
/// Only if not even an answer could be given; a run that failed is an answer.
pub fn serve(spec: &Path, make: MakeTarget<'_>, payloads: Payloads<'_>) -> Result<(), SuperviseError> {
    // Before anything else: if the runner goes, so do we.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| world("set the death signal")(error.into()))?;
    let spec = TrialSpec::read(spec).map_err(world("read the spec"))?;
    let parent = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get().unsigned_abs());
    if parent != spec.runner {
        return Err(SuperviseError::Orphaned);
    }
    let run =
        make(&spec.target).map_err(SuperviseError::NoTarget).and_then(|target| supervise(&spec, &*target, payloads));
    let answer = match run {
        Ok(run) => Answer::Run(Box::new(run)),
        Err(error) => Answer::Failed(gauntlet_target::error_chain(&error)),
    };
    let text = serde_json::to_vec(&answer).map_err(|error| world("write the answer")(error.into()))?;
    let mut out = io::stdout().lock();
    out.write_all(&text).and_then(|()| out.flush()).map_err(world("write the answer"))
}

/// What stands in a program for the nonce: not every service hands its programs arguments.
const NONCE: &str = "@NONCE@";

/// A guest as it is run; a program has the nonce written into it.
fn told(guest: &[u8], program: bool, nonce: &str) -> Vec<u8> {
    match std::str::from_utf8(guest) {
        Ok(text) if program => text.replace(NONCE, nonce).into_bytes(),
        Ok(_) | Err(_) => guest.to_vec(),
    }
}

/// Runs one job in a fresh world and measures it. The calling process must have no children of its own: everything that descends from
/// it counts as the target's, and nothing of it is left afterwards.
///
/// # Errors
///
/// If the world cannot be built, or if the target could not run a guest at all.
pub fn supervise(spec: &TrialSpec, target: &dyn Target, payloads: Payloads<'_>) -> Result<Run, SuperviseError> {
    let me = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(me)).map_err(|error| world("become a subreaper")(error.into()))?;
    let mut fixture = World::build(&spec.directory, &spec.canary).map_err(world("build the world"))?;
    let regions = Regions::new(&spec.attack_grants, &spec.user_grants);
    let nonce = fixture.nonce(&spec.nonce_stem);
    let policy = fixture.map(&spec.policy, spec.fixtures).map_err(world("map the grants"))?;
    let before = Snapshot::take(&fixture.root, &regions).map_err(world("look at the world"))?;
    let job = Job {
        guest: told(&spec.guest, spec.language.is_some(), &nonce),
        language: spec.language.clone(),
        entry: spec.entry.clone(),
        policy,
        nonce,
        stdin: format!("{}\n", spec.canary).into_bytes(),
        ..Job::default()
    };

    let mut inherited = Inherited::begin().map_err(world("redirect the standard streams"))?;
    let (outcome, observed) = watch(spec, target, &job, &mut fixture, &mut inherited, &regions, &before)?;
    inherited.end().map_err(world("restore the standard streams"))?;
    let outcome = answer(outcome, &observed)?;

    let after = Snapshot::take(&fixture.root, &regions).map_err(world("look at the world again"))?;
    let changes = before.changes(&after, &fixture.root, &regions, &fixture.canary);
    let amount = after.amount.less(before.amount);
    let mut measured = observed.measured;
    measured.files = measured.files.max(Some(amount.files));
    measured.disk = measured.disk.max(Some(amount.disk));
    measured.output = Some((outcome.stdout.len() + outcome.stderr.len()) as u64 + inherited.arrived);
    measured.changed = changes.named;
    measured
        .changed
        .extend(observed.left_over.iter().map(|name| GuestText::name(&format!("process left over: {name}"))));
    measured.host_death = host_death(&outcome.ending);
    let said = outcome.denials.iter().map(|denial| denial.asked.as_str()).chain([outcome.ending.detail.as_str()]);
    let leaks = [
        ("stdout", fixture.canary.in_bytes(&outcome.stdout) || fixture.canary.in_bytes(&inherited.data[0])),
        ("stderr", fixture.canary.in_bytes(&outcome.stderr) || fixture.canary.in_bytes(&inherited.data[1])),
        ("files", changes.canary),
        ("network", fixture.canary.in_bytes(fixture.listeners.data())),
        ("report", said.into_iter().any(|text| fixture.canary.in_bytes(text.as_bytes()))),
    ];
    measured.canaries = leaks.into_iter().filter(|(_, leaked)| *leaked).map(|(name, _)| name.to_owned()).collect();
    measured.ran = ran(&outcome, &inherited.data[0], &job.nonce);
    Ok(assemble(spec, &outcome, measured, observed.stopped.is_some(), payloads))
}

/// What came back from the target: an outcome, an error or a panic.
type Answered = Result<Result<Outcome, gauntlet_target::TargetError>, String>;

/// Runs the target on this thread, which its children's death signals follow, and watches from another.
fn watch(
    spec: &TrialSpec,
    target: &dyn Target,
    job: &Job,
    fixture: &mut World,
    inherited: &mut Inherited,
    regions: &Regions,
    before: &Snapshot,
) -> Result<(Answered, Observed), SuperviseError> {
    let (done, working) = io::pipe().map_err(world("make a pipe"))?;
    let answered = AtomicU64::new(0);
    let start = Instant::now();
    let watch = Watch {
        obtains: match spec.role {
            Role::Attack | Role::Live => Some(spec.obtains),
            Role::Benign => None,
        },
        calibration: spec.calibration,
        watchdog: Duration::from_nanos(spec.watchdog),
        ceiling: spec.memory_ceiling,
        root: &fixture.root,
        regions,
        before: before.amount,
        listeners: &mut fixture.listeners,
        inherited,
        start,
        answered: &answered,
    };
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| watch.observe(&done));
        let outcome = catch_unwind(AssertUnwindSafe(|| target.run(job))).map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                .unwrap_or_else(|| "no message".to_owned())
        });
        answered.store(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1), Ordering::Release);
        drop(working);
        let observed = watcher.join().map_err(|_| SuperviseError::Panicked("the watcher".to_owned()))?;
        Ok((outcome, observed))
    })
}

/// The target's outcome. When the harness killed its processes, whatever the target makes of that is no outcome of its own.
fn answer(answered: Answered, observed: &Observed) -> Result<Outcome, SuperviseError> {
    let ended = |detail: String| {
        let ending = EndingSeen {
            ending: Ending::WorkerDied,
            signal: Some(Signal::KILL.as_raw()),
            detail,
            ..EndingSeen::default()
        };
        Outcome { ending, ..Outcome::default() }
    };
    let by = match observed.stopped {
        Some(Stopped::Obtained) => "ended by the harness: the attack had what it wanted",
        Some(Stopped::Watchdog) => "ended by the harness's watchdog",
        Some(Stopped::Ceiling) => "ended at the harness's memory ceiling",
        None => "",
    };
    match (answered, observed.stopped) {
        (Ok(Ok(outcome)), None) => Ok(outcome),
        (Ok(Ok(outcome)), Some(_)) => {
            // Its output and its denials are worth keeping; its ending is ours.
            Ok(Outcome { ending: ended(by.to_owned()).ending, ..outcome })
        }
        (Ok(Err(_)), Some(_)) => Ok(ended(by.to_owned())),
        (Ok(Err(error)), None) => Err(SuperviseError::Target(error)),
        (Err(panic), _) => Err(SuperviseError::Panicked(panic)),
    }
}

/// The fault that ended the process which ran the guest. A signal that a limit sends, and our own, are no faults.
fn host_death(ending: &EndingSeen) -> Option<String> {
    let signal = ending.signal.filter(|signal| is_fault_signal(*signal))?;
    Some(match signal {
        0 => "panic".to_owned(),
        4 => "SIGILL".to_owned(),
        6 => "SIGABRT".to_owned(),
        7 => "SIGBUS".to_owned(),
        11 => "SIGSEGV".to_owned(),
        other => format!("signal {other}"),
    })
}

/// Whether the guest's marker arrived: the nonce reversed on standard output, or one more than it returned.
fn ran(outcome: &Outcome, inherited: &[u8], nonce: &str) -> bool {
    let reversed: String = nonce.chars().rev().collect();
    let printed = find(&outcome.stdout, reversed.as_bytes()) || find(inherited, reversed.as_bytes());
    let number = u64::from_str_radix(nonce, 16).ok().map(|number| number.wrapping_add(1));
    printed || (number.is_some() && outcome.returned == number)
}

/// Whether the target blames a limit that the host's clock says was not reached.
fn forged(spec: &TrialSpec, ending: &EndingSeen, measured: &Measured) -> bool {
    let Some(Cause::Limit(key)) = ending.cause else { return false };
    // The host sees the other limits from too far away to contradict: a denied growth leaves no memory behind.
    let clocks = [(LimitKey::Deadline, measured.wall_time), (LimitKey::CpuTime, measured.cpu_time)];
    let used = clocks.into_iter().find(|(clock, _)| *clock == key).and_then(|(_, used)| used);
    let cap = spec.policy.limits.resolve(key, spec.host_memory);
    ending.ending == Ending::LimitReached && used.zip(cap).is_some_and(|(used, cap)| used < cap / 2)
}

/// Puts the run together, and looks at the reports that show it.
fn assemble(spec: &TrialSpec, outcome: &Outcome, measured: Measured, stopped: bool, payloads: Payloads<'_>) -> Run {
    let mut run = written(spec, outcome, measured.clone(), true);
    let shown = if spec.escaping { run.clone() } else { written(spec, outcome, measured, false) };
    let (found, bytes) = payloads(&record_of(spec, shown));
    run.measured.reports = found;
    run.measured.report_bytes = Some(bytes);
    if !stopped && forged(spec, &outcome.ending, &run.measured) {
        let word = crate::obtains::injection_name(gauntlet_corpus::Injection::Forged).to_owned();
        if !run.measured.reports.contains(&word) {
            run.measured.reports.push(word);
        }
    }

    run.obtained = match spec.role {
        Role::Attack | Role::Live => obtained(&spec.obtains, &run.measured) == Some(true),
        Role::Benign => did_its_work(outcome, &run.measured),
    };
    let shown_causes = !run.causes.is_empty();
    let by_itself = match outcome.ending.ending {
        Ending::Returned | Ending::Exited | Ending::Trapped => true,
        Ending::LimitReached | Ending::Refused | Ending::WorkerDied => false,
    };
    if !shown_causes && by_itself && !stopped && !run.obtained {
        run.causes.push(Cause::NoEffect);
    }
    if !shown_causes && !stopped && spec.target.may_be_silent() {
        run.causes.push(Cause::NotShown);
    }
    let asked = run.denials.iter().map(|denial| &denial.asked);
    let tamed = [&run.stdout, &run.stderr].into_iter().chain(&run.end.detail).chain(asked).any(GuestText::was_tamed);
    if spec.escaping && tamed {
        run.causes.push(Cause::EscapedText);
    }
    run
}

/// The benign twin did its work: its marker arrived and it ended well.
fn did_its_work(outcome: &Outcome, measured: &Measured) -> bool {
    let well = match outcome.ending.ending {
        Ending::Returned => true,
        Ending::Exited => outcome.ending.exit_code.unwrap_or(0) == 0,
        Ending::Trapped | Ending::LimitReached | Ending::Refused | Ending::WorkerDied => false,
    };
    measured.ran && well && measured.host_death.is_none()
}

/// A run with its guest text escaped and cut, or as it is.
fn written(spec: &TrialSpec, outcome: &Outcome, measured: Measured, escape: bool) -> Run {
    let text =
        |bytes: &[u8], keep: usize| if escape { GuestText::new(bytes, keep) } else { GuestText::unescaped(bytes) };
    let ending = &outcome.ending;
    let detail = match (ending.detail.as_str(), ending.exit_code, ending.signal) {
        ("", Some(code), _) => Some(format!("exit code {code}")),
        ("", None, Some(signal)) => Some(format!("signal {signal}")),
        ("", None, None) => None,
        (detail, ..) => Some(detail.to_owned()),
    };
    let denials = outcome.denials.iter().take(MAX_DENIALS).map(|denial| Denial {
        cause: denial.cause,
        asked: text(denial.asked.as_bytes(), MAX_NAME_BYTES),
        limit: denial.limit,
        count: denial.count,
    });
    Run {
        role: spec.role,
        obtained: false,
        end: EndingInfo {
            ending: ending.ending,
            cause: ending.cause,
            detail: detail.map(|detail| text(detail.as_bytes(), MAX_TEXT_BYTES)),
        },
        causes: outcome.causes(),
        denials: denials.collect(),
        measured,
        usage: outcome.usage.clone(),
        values: spec.values.clone().into(),
        stdout: text(&outcome.stdout, MAX_TEXT_BYTES),
        stderr: text(&outcome.stderr, MAX_TEXT_BYTES),
        truncated: outcome.truncated,
        confinement: outcome.confinement.clone().into(),
        witnessed_on: None,
    }
}

/// A record with nothing but this run in it, for making reports of.
fn record_of(spec: &TrialSpec, run: Run) -> Record {
    let at = "2000-01-01T00:00:00Z".to_owned();
    Record {
        schema: SCHEMA.to_owned(),
        complete: true,
        tool: Tool { name: "gauntlet".into(), version: env!("CARGO_PKG_VERSION").into() },
        host: Host {
            os: "linux".into(),
            kernel: String::new(),
            arch: std::env::consts::ARCH.into(),
            cores: 1,
            memory: spec.host_memory,
            root: false,
            mechanisms: Vec::new(),
        },
        started: at.clone(),
        finished: Some(at),
        command: Vec::new(),
        seed: 0,
        targets: Vec::new(),
        policy: PolicyInfo { name: "trial".into(), sha256: String::new(), values: Vec::new() },
        corpus: CorpusInfo { sha256: String::new(), attacks: 1, selected: 1 },
        trials: vec![Trial { runs: vec![run], ..spec.skeleton.clone() }],
        findings: Vec::new(),
        mutation: None,
        known_allowed: false,
        closed_gaps: Vec::new(),
        shard: None,
        parts: Vec::new(),
    }
}
