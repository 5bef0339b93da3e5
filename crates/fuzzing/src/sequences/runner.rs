//! Runs sequences against a target in this process, and asks every cheap oracle at every one of them.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use gauntlet_policy::Policy;
use gauntlet_record::{Cause, Ending, LimitKey};
use gauntlet_target::{Job, Outcome, Session, Target, TargetError, Value};

use super::call::{Argument, Sequence};
use super::encode::{Encoded, NO_ANSWER, NOT_REACHED, RECORDS, encode};
use super::generate::{MAX_CALLS, generate_from};
use super::health::Health;
use super::interpreter::{interpreter, program};
use super::oracles;
use super::world::{Descriptors, Open, World};
use crate::Finding;
use crate::random::SplitMix64;

/// How sequences are run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The policy, but for its grants: a YAML mapping without `grants`, which the runner adds for its own folders.
    pub policy: String,
    /// Whether a FIFO stands in the writable folder. Only for executors that are said to keep special files shut: any other waits for
    /// ever where it opens one.
    pub special_files: bool,
    /// Every so many sequences one is run twice and compared; 0 is never.
    pub twice_every: u64,
    /// Where the canary's random part comes from.
    pub seed: u64,
}

/// Limits for sequences: each so small that sixty calls can pass it, if nobody holds it.
pub const POLICY: &str = "\
version: 1
limits: { deadline: 5s, cpu-time: 5s, fuel: 1_000_000, memory: 1MiB, output: 256B, open-files: 6, disk: 256KiB, files: 8, \
host-work: 4MiB }
isolation: { process: off, seccomp: off, landlock: off, namespaces: off, cgroup: off, user: caller }
";

/// The same limits for a whole program a sequence or a batch: its trace goes to standard output, so that has to hold it.
pub const PROGRAM_POLICY: &str = "\
version: 1
limits: { deadline: 10s, cpu-time: 10s, fuel: 100_000_000, memory: 16MiB, output: 8MiB, open-files: 6, disk: 256KiB, files: 8, \
host-work: 64MiB }
isolation: { process: off, seccomp: off, landlock: off, namespaces: off, cgroup: off, user: caller }
";

impl Default for Options {
    fn default() -> Self {
        Self { policy: POLICY.to_owned(), special_files: true, twice_every: 8, seed: 0 }
    }
}

impl Options {
    /// For targets that run whole programs, and of which nobody knows what they do with a FIFO.
    #[must_use]
    pub fn programs() -> Self {
        Self { policy: PROGRAM_POLICY.to_owned(), special_files: false, twice_every: 0, seed: 0 }
    }
}

/// Sequences could not be run: this says nothing about the target.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The folders could not be made, or looked at.
    #[error("the folders for sequences cannot be kept")]
    World(#[from] io::Error),
    /// The policy has faults.
    #[error("the policy for sequences has faults: {0}")]
    Policy(String),
    /// The target can run no guest under this policy on this host.
    #[error("the target runs nothing")]
    Target(#[from] TargetError),
    /// The sequence asks for more memory than a guest has.
    #[error("the sequence does not fit the guest's memory")]
    DoesNotFit,
}

/// What came of a sequence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Execution {
    /// The error number of each call.
    pub errnos: Vec<u32>,
    /// How the runs ended: one, and one more for each trap that the sequence went on after.
    pub endings: Vec<(Ending, Option<Cause>)>,
    /// Fuel that was burnt, where it is counted.
    pub fuel: u64,
    /// What the oracles found.
    pub findings: Vec<Finding>,
}

/// Runs sequences against a target.
pub struct Runner<'t> {
    target: &'t dyn Target,
    options: Options,
    world: World,
    policy: Policy,
    job: Job,
    descriptors: Descriptors,
    /// What a census says of the granted folders themselves.
    roots: Vec<[u8; 16]>,
    kept: bool,
    health: Health,
    executions: u64,
    environment: Vec<u8>,
}

impl std::fmt::Debug for Runner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner").field("executions", &self.executions).finish_non_exhaustive()
    }
}

/// The sequence of one case of a seed. Each case stands alone.
#[must_use]
pub fn sequence_of(seed: u64, case: u64) -> Sequence {
    sequence_from(seed, case, 0)
}

fn sequence_from(seed: u64, case: u64, names: u32) -> Sequence {
    let bytes = SplitMix64::of(seed, case).bytes(super::generate::BYTES);
    generate_from(&mut arbitrary::Unstructured::new(&bytes), names).unwrap_or_default()
}

/// So many sequences of a seed as one, without the calls that end a guest or its process, since nothing would come after them, and
/// without those that shut standard output, which the trace of all goes to.
#[must_use]
pub fn batch_of(seed: u64, count: u32) -> Sequence {
    let most = u32::try_from(MAX_CALLS).unwrap_or(u32::MAX);
    let sequences: Vec<Sequence> =
        (0..count).map(|place| sequence_from(seed, place.into(), place.saturating_mul(most))).collect();
    let mut all = batch(&sequences);
    all.replace("sched_yield", |call| match call.function.name() {
        "proc_exit" | "proc_raise" | "guest.trap" | "guest.burn" => true,
        "fd_close" | "fd_renumber" => call.arguments.contains(&Argument::Number(1)),
        _ => false,
    });
    all
}

/// Several sequences as one, for targets to which a start is dear. What one left open is shut before the next.
#[must_use]
pub fn batch(sequences: &[Sequence]) -> Sequence {
    let mut all = Sequence::default();
    for sequence in sequences {
        if !all.calls.is_empty()
            && let Ok(between) = "guest.close_all()".parse()
        {
            all.append(&between);
        }
        all.append(sequence);
    }
    all
}

impl<'t> Runner<'t> {
    /// Makes the folders and runs nothing once, so that what a target opens for itself is known.
    ///
    /// A target that keeps instances is called record by record, and goes on after a trap; any other runs a program a sequence.
    ///
    /// # Errors
    ///
    /// If the folders cannot be made, or the target cannot run anything.
    pub fn new(target: &'t dyn Target, options: Options) -> Result<Self, RunError> {
        let environment = std::env::vars_os()
            .map(|(_, value)| value.into_encoded_bytes())
            .filter(|value| value.len() >= 16)
            .max_by_key(Vec::len)
            .unwrap_or_default();
        let (world, policy) = Self::furnish(&options)?;
        let mut runner = Self {
            target,
            job: Job::default(),
            descriptors: Descriptors::new()?,
            roots: Vec::new(),
            kept: false,
            health: Health::default(),
            executions: 0,
            environment: environment.into_iter().take(64).collect(),
            options,
            world,
            policy,
        };
        runner.settle()?;
        Ok(runner)
    }

    fn furnish(options: &Options) -> Result<(World, Policy), RunError> {
        let mut random = SplitMix64::of(options.seed, u64::MAX);
        let canary = format!("{:016x}{:016x}", random.next(), random.next());
        let world = World::new(&canary, options.special_files)?;
        let text = format!(
            "{}grants: {{ filesystem: [{{ host: {:?}, guest: /rw, access: read-write }}, \
             {{ host: {:?}, guest: /ro, access: read-only }}], environment: {{ GAUNTLET: fuzz }}, arguments: [one, two] }}\n",
            options.policy, world.writable, world.read_only
        );
        let policy = Policy::parse("sequences", &text).map_err(|faults| RunError::Policy(format!("{faults:?}")))?;
        Ok((world, policy))
    }

    /// Runs nothing, and notes what is there then.
    fn settle(&mut self) -> Result<(), RunError> {
        self.job = Job {
            guest: interpreter(),
            policy: self.policy.clone(),
            stdin: format!("{}\n", self.world.canary).into_bytes(),
            ..Job::default()
        };
        self.roots.clear();
        let session = self.target.open(&self.job)?;
        self.kept = session.is_some();
        match session {
            Some(mut session) => {
                // Everything that the target starts when it is first used is there before anything is compared.
                let nothing = encode(&Sequence::default()).unwrap_or_default();
                let _ = call(&mut *session, 0, nothing.count)?;
                session.call("census", &[])?;
                self.roots = session.memory().map(|memory| oracles::census(memory)).unwrap_or_default();
                drop(session);
            }
            None => {
                let nothing = encode(&"sched_yield()".parse().unwrap_or_default()).unwrap_or_default();
                self.target.run(&Job { guest: program(&nothing), ..self.job.clone() })?;
            }
        }
        Ok(self.descriptors.settle()?)
    }

    /// Whether the target keeps instances, so that a sequence goes on after a trap and descriptors are looked at while they are open.
    #[must_use]
    pub fn keeps_instances(&self) -> bool {
        self.kept
    }

    /// What is known of the sequences that were run.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Sequences that were run, those that were run twice counted twice.
    #[must_use]
    pub fn executions(&self) -> u64 {
        self.executions
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Runs a sequence, and every so often once more to compare.
    ///
    /// # Errors
    ///
    /// If it could not be run for reasons of our own.
    pub fn check(&mut self, sequence: &Sequence) -> Result<Execution, RunError> {
        let mut first = self.run(sequence)?;
        let every = self.options.twice_every;
        // What names addresses may write over records, with times and random numbers among what it writes.
        let due = every > 0 && self.health.sequences.is_multiple_of(every) && !sequence.names_addresses();
        if due && first.findings.is_empty() {
            let health = self.health.clone();
            let again = self.run(sequence)?;
            self.health = health;
            first.findings.extend(oracles::compare(&first, &again));
        }
        Ok(first)
    }

    /// Runs a sequence once.
    ///
    /// # Errors
    ///
    /// If it could not be run for reasons of our own.
    pub fn run(&mut self, sequence: &Sequence) -> Result<Execution, RunError> {
        let encoded = encode(sequence).ok_or(RunError::DoesNotFit)?;
        self.executions += 1;
        let done = if self.kept { self.in_session(&encoded)? } else { self.as_program(&encoded)? };
        let Done { mut execution, traps, exited } = done;
        // What names addresses may write over its own records.
        if !sequence.names_addresses() {
            oracles::errnos(&execution.errnos, &mut execution.findings);
        }
        self.health.count(sequence, &execution.errnos, traps, exited);
        // Whatever was found outside, the next sequence begins with folders that are whole.
        let changed = self.world.changed();
        oracles::outside(&changed, &mut execution.findings);
        let swept = self.world.sweep();
        match &swept {
            // As with descriptors, a call that trapped over the place for its result has made what nobody counts.
            Ok(_) if traps > 0 => {}
            Ok(swept) => oracles::disk(*swept, &self.policy, self.options.special_files, &mut execution.findings),
            Err(error) => execution.findings.push(finding("outside-changed", format!("the granted folder: {error}"))),
        }
        if !changed.is_empty() || swept.is_err() {
            (self.world, self.policy) = Self::furnish(&self.options)?;
            self.settle()?;
        }
        Ok(execution)
    }

    /// Whether an oracle finds something when a sequence is run, twice where it takes that.
    ///
    /// # Errors
    ///
    /// If it could not be run for reasons of our own.
    pub fn fires(&mut self, oracle: &str, sequence: &Sequence) -> Result<bool, RunError> {
        let first = self.run(sequence)?;
        if oracle == oracles::SAME {
            let again = self.run(sequence)?;
            return Ok(oracles::compare(&first, &again).is_some());
        }
        Ok(first.findings.iter().any(|finding| finding.oracle == oracle))
    }

    /// The smallest sequence that can be found on which an oracle still finds something.
    pub fn shrink(&mut self, oracle: &str, sequence: &Sequence) -> Sequence {
        super::shrink::shrink(sequence, |smaller| self.fires(oracle, smaller).unwrap_or(false))
    }

    fn in_session(&mut self, encoded: &Encoded) -> Result<Done, RunError> {
        let mut done = Done { execution: Execution::default(), traps: 0, exited: false };
        let answer = catch_unwind(AssertUnwindSafe(|| self.calls(encoded, &mut done)));
        match answer {
            Ok(Ok(())) => {}
            Ok(Err(error)) => match error {
                error @ (TargetError::LimitUnenforced { .. } | TargetError::Unconfined { .. }) => {
                    return Err(error.into());
                }
                error => done.execution.findings.push(finding("outcome-untyped", gauntlet_target::error_chain(&error))),
            },
            Err(payload) => done.execution.findings.push(finding("host-panic", panic_text(&*payload))),
        }
        if done.execution.errnos.is_empty() {
            done.execution.errnos = vec![NOT_REACHED; usize::try_from(encoded.count).unwrap_or(0)];
        }
        let left = self.left()?;
        oracles::left_over(&self.world, &left, &mut done.execution.findings);
        // It is told of once.
        left.iter().for_each(|open| self.descriptors.know(open));
        Ok(done)
    }

    /// What leads to our folders when everything is dropped. A thread that reads ahead may hold a file for a moment longer, so it is looked
    /// at again for a while; what is open then, nobody will close.
    fn left(&mut self) -> Result<Vec<Open>, RunError> {
        if self.descriptors.are_back() {
            return Ok(Vec::new());
        }
        let patience = Instant::now() + PATIENCE;
        loop {
            let mut left = self.descriptors.open()?;
            left.retain(|open| oracles::is_ours(&self.world, open));
            if left.is_empty() || Instant::now() > patience {
                return Ok(left);
            }
            std::thread::yield_now();
        }
    }

    fn calls(&mut self, encoded: &Encoded, done: &mut Done) -> Result<(), TargetError> {
        let Some(mut session) = self.target.open(&self.job)? else { return Ok(()) };
        let from = usize::try_from(RECORDS).unwrap_or(usize::MAX);
        let room = session.memory().and_then(|memory| memory.get_mut(from..)?.get_mut(..encoded.image.len()));
        let Some(room) = room else { return Ok(()) };
        room.copy_from_slice(&encoded.image);
        let execution = &mut done.execution;
        let mut next = 0;
        loop {
            let outcome = call(&mut *session, next, encoded.count)?;
            execution.endings.push((outcome.ending.ending, outcome.ending.cause));
            let burnt = outcome.usage.iter().find(|usage| usage.limit == LimitKey::Fuel).and_then(|usage| usage.used);
            let mut at = encoded.count;
            if outcome.ending.ending != Ending::Returned {
                let said = session.call("at", &[])?;
                at = said.returned.and_then(|at| u32::try_from(at).ok()).unwrap_or(encoded.count);
            }
            oracles::outcome(&outcome, &self.policy, &mut execution.findings);
            oracles::fuel(burnt, at.saturating_sub(next), &outcome, &self.policy, &mut execution.findings);
            oracles::streams(&outcome, &self.world, &self.environment, &mut execution.findings);
            execution.fuel = execution.fuel.saturating_add(burnt.unwrap_or(0));
            done.exited |= outcome.ending.ending == Ending::Exited;
            // Only a trap is gone on after: whoever ran out of fuel, or left, has ended.
            if outcome.ending.ending != Ending::Trapped || at < next || at + 1 >= encoded.count {
                break;
            }
            done.traps += 1;
            next = at + 1;
        }
        let Some(memory) = session.memory() else { return Ok(()) };
        execution.errnos = encoded.errnos(memory);
        oracles::canaries("memory", memory, &self.world, &self.environment, &mut execution.findings);
        let host = self.descriptors.open().unwrap_or_default();
        // A call that trapped over the place for its result has opened a file that nobody counts; no embedder's guest goes on after that.
        let counted = if done.traps == 0 { Some(&self.policy) } else { None };
        oracles::open(&self.world, &host, counted, &mut execution.findings);
        // The guest is asked for its own descriptors only if there are any to compare with.
        if oracles::beneath(&self.world, &host) > 0 {
            let counted = session.call("census", &[])?;
            if counted.ending.ending == Ending::Returned
                && let Some(memory) = session.memory()
            {
                // A thread that reads ahead may hold what was shut for a moment longer.
                let patience = Instant::now() + PATIENCE;
                let mut leaked = oracles::budget(&self.world, &host, memory, &self.roots);
                while leaked.is_some() && Instant::now() < patience {
                    std::thread::yield_now();
                    let host = self.descriptors.open().unwrap_or_default();
                    leaked = oracles::budget(&self.world, &host, memory, &self.roots);
                }
                execution.findings.extend(leaked);
            }
        }
        Ok(())
    }

    fn as_program(&mut self, encoded: &Encoded) -> Result<Done, RunError> {
        let mut done = Done { execution: Execution::default(), traps: 0, exited: false };
        let job = Job { guest: program(encoded), ..self.job.clone() };
        let count = usize::try_from(encoded.count).unwrap_or(0);
        done.execution.errnos = vec![NOT_REACHED; count];
        match catch_unwind(AssertUnwindSafe(|| self.target.run(&job))) {
            Err(payload) => done.execution.findings.push(finding("host-panic", panic_text(&*payload))),
            Ok(Err(error @ (TargetError::LimitUnenforced { .. } | TargetError::Unconfined { .. }))) => {
                return Err(error.into());
            }
            Ok(Err(error)) => {
                done.execution.findings.push(finding("outcome-untyped", gauntlet_target::error_chain(&error)));
            }
            Ok(Ok(outcome)) => {
                let execution = &mut done.execution;
                execution.endings.push((outcome.ending.ending, outcome.ending.cause));
                done.exited = outcome.ending.ending == Ending::Exited;
                oracles::outcome(&outcome, &self.policy, &mut execution.findings);
                oracles::streams(&outcome, &self.world, &self.environment, &mut execution.findings);
                if let Some(errnos) = trace(&outcome, encoded) {
                    execution.errnos = errnos;
                }
            }
        }
        let left = self.left()?;
        oracles::left_over(&self.world, &left, &mut done.execution.findings);
        // It is told of once.
        left.iter().for_each(|open| self.descriptors.know(open));
        Ok(done)
    }
}

/// How long a file may stay open after its guest is gone.
const PATIENCE: Duration = Duration::from_secs(1);

/// What came of a sequence, and how.
struct Done {
    execution: Execution,
    traps: u64,
    exited: bool,
}

/// The error numbers in the trace that a program writes last. `None` if there is none: the guest ended before, or shut its own output.
fn trace(outcome: &Outcome, encoded: &Encoded) -> Option<Vec<u32>> {
    let from = outcome.stdout.len().checked_sub(encoded.image.len())?;
    if outcome.ending.ending != Ending::Returned && outcome.ending.exit_code != Some(0) {
        return None;
    }
    let mut memory = vec![0; usize::try_from(RECORDS).ok()?];
    memory.extend_from_slice(outcome.stdout.get(from..)?);
    Some(encoded.errnos(&memory))
}

fn call(session: &mut dyn Session, from: u32, to: u32) -> Result<Outcome, TargetError> {
    session.call("run", &[Value::I32(from.cast_signed()), Value::I32(to.cast_signed())])
}

pub(super) fn finding(oracle: &'static str, message: impl AsRef<str>) -> Finding {
    Finding::of(oracle, message.as_ref())
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without text".to_owned())
}

/// Whether an error number is one of preview 1, or stands for a call that did not come back.
pub(super) fn is_errno(errno: u32) -> bool {
    errno <= 76 || errno == NOT_REACHED || errno == NO_ANSWER
}
