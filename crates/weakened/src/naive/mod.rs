//! A home-made embedding of the engine, the way tutorials build one, as a struct of choices. With [`SOUND`] choices it holds what an
//! executor can hold inside its own process; a mistake is one choice made wrongly.
//!
//! It runs core modules and preview 1 only. It has no jail, it cannot end a compilation, and it shows few denials: what it contains is
//! contained by the engine and by the few lines here.

mod call;
mod engine;
mod host;

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use gauntlet_policy::{Access, Feature, Policy, Stdin};
use gauntlet_record::{Confinement, Granted, LimitKey, Usage};
use gauntlet_sandbox::{ENGINE, ENGINE_VERSION};
use gauntlet_target::{Description, Job, Outcome, Target, TargetError};
use rustix::process::{Resource, Rlimit, setrlimit};
use wasmtime::{Engine, Linker, Module, Store, UpdateDeadline};
use wasmtime_wasi::filesystem::FsPerms;
use wasmtime_wasi::p1::{self, WasiP1Ctx};
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::{WasiCtxBuilder, WasiView as _};

use call::{Call, End, Reached, Ticker, ending};
use host::{Caps, Captured, Limiter, Notes, Timer, cpu_time};
pub(crate) use host::{Coarse, Counting, Host};

/// The largest answer of such a process: two captured streams, in hex, and some words.
const ANSWER: u64 = 5 << 20;
/// The module that preview 1 functions are imported from.
pub(crate) const PREVIEW1: &str = "wasi_snapshot_preview1";
/// Resources that the engine's WASI itself holds: standard streams, whatever a call waits for.
const OWN_RESOURCES: usize = 16;

/// The choices of an embedding.
#[derive(Clone, Copy)]
pub(crate) struct Choices {
    /// The executor's name.
    pub(crate) name: &'static str,
    /// How a guest that takes too long is ended.
    pub(crate) deadline: Deadline,
    /// Whether fuel and CPU time are bounded as well: they would hide a mistake in the deadline.
    pub(crate) budgets: bool,
    /// What happens while a host call waits.
    pub(crate) waits: Waits,
    /// How memories and tables are counted.
    pub(crate) counting: Counting,
    /// Where the standard streams go.
    pub(crate) streams: Streams,
    /// How the wasm stack relates to the thread's.
    pub(crate) stack: Stack,
    /// What the guest may import.
    pub(crate) imports: Imports,
    /// Whether the instance has served another tenant before.
    pub(crate) reused: bool,
}

/// How a guest that takes too long is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deadline {
    /// A steady ticker, armed before the guest is looked at.
    WholeRun,
    /// A steady ticker, armed after instantiation.
    EntryOnly,
    /// An epoch deadline in an engine whose epoch nobody advances.
    NeverAdvanced,
    /// A timeout round a call that never yields.
    TimeoutRoundCall,
    /// Waiting for the guest's thread stops; the thread does not.
    ThreadAbandoned,
}

/// What happens while a host call waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waits {
    /// The guest's task waits and can be cut.
    Cut,
    /// The executor's thread waits.
    Block,
}

/// Where the standard streams go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Streams {
    /// Both are captured, under one cap.
    Captured,
    /// Both are captured, and the cap holds for standard output only.
    StderrUnbounded,
    /// All three are the process's own.
    Inherited,
}

/// How the wasm stack relates to the thread's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stack {
    /// The guest's stack is as large as the policy says, and the one below it is larger.
    Fits,
    /// The guest may use more than its thread has.
    LargerThanThread {
        /// The wasm stack, in bytes.
        wasm: usize,
        /// The thread's stack, in bytes.
        thread: usize,
    },
}

/// What the guest may import.
#[derive(Clone, Copy)]
pub(crate) enum Imports {
    /// The engine's preview 1.
    Engine,
    /// Whatever this function links.
    Own(fn(&mut Linker<Host>, &Module, &Job) -> wasmtime::Result<()>),
}

/// The choices that hold.
pub(crate) const SOUND: Choices = Choices {
    name: "sound",
    deadline: Deadline::WholeRun,
    budgets: true,
    waits: Waits::Cut,
    counting: Counting::Summed,
    streams: Streams::Captured,
    stack: Stack::Fits,
    imports: Imports::Engine,
    reused: false,
};

/// What these executors offer to attacks.
pub(crate) fn describe(name: &str) -> Description {
    let components = [Feature::ComponentModel, Feature::ComponentModelAsync, Feature::StackSwitching];
    let features = Feature::ALL.iter().filter(|feature| !components.contains(feature)).map(|feature| feature.as_str());
    Description {
        name: name.to_owned(),
        engine: ENGINE.into(),
        version: ENGINE_VERSION.into(),
        offers: ["core", "preview1", "invoke"].into_iter().chain(features).map(str::to_owned).collect(),
    }
}

/// Every limit with what was used of it, where `counted` says it.
pub(crate) fn usage(policy: &Policy, counted: &[(LimitKey, u64)]) -> Vec<Usage> {
    let caps = Caps::of(policy);
    let all = LimitKey::ALL.iter().copied().map(|key| {
        let used = counted.iter().find(|(counted, _)| *counted == key).map(|(_, used)| *used);
        Usage {
            limit: key,
            used,
            cap: caps.get(key),
            unmeasured: used.is_none().then(|| "not counted by this executor".to_owned()),
        }
    });
    all.collect()
}

impl Target for Choices {
    fn describe(&self) -> Description {
        describe(self.name)
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        let start = Instant::now();
        gauntlet_sandbox::preflight(&job.policy)?;
        let caps = Caps::of(&job.policy);
        if let Some(size) = caps.get(LimitKey::FileSize) {
            // The one limit that only the system holds here: these executors run in a process of their own, whose answer is a
            // file, too.
            let size = size.max(ANSWER);
            let limit = Rlimit { current: Some(size), maximum: Some(size) };
            let _ = setrlimit(Resource::Fsize, limit);
        }
        let notes = Notes::default();
        let captured =
            Captured::new(caps.get(LimitKey::Output), self.streams != Streams::StderrUnbounded, notes.clone());
        let mut run = Run { choices: *self, start, caps, notes, captured, counted: Vec::new() };
        let ending = run.guest(job)?;
        Ok(run.outcome(job, ending))
    }
}

/// One run.
struct Run<'a> {
    choices: Choices,
    start: Instant,
    caps: Caps<'a>,
    notes: Notes,
    captured: Captured,
    counted: Vec<(LimitKey, u64)>,
}

impl Run<'_> {
    fn guest(&mut self, job: &Job) -> Result<End, TargetError> {
        let unbuilt = |error: wasmtime::Error| TargetError::Protocol(format!("the engine cannot be built: {error:#}"));
        let engine = self.engine(|feature| self.offers(job, feature)).map_err(unbuilt)?;
        let timer = Arc::new(Timer::new(
            self.caps.time(LimitKey::Deadline),
            self.caps.time(LimitKey::CpuTime).filter(|_| self.choices.budgets),
        ));
        if self.choices.deadline != Deadline::EntryOnly {
            timer.arm(self.start);
        }
        let module = match self.compile(&engine, job) {
            Ok(module) => module,
            Err(error) => return Ok((Err(error), None)),
        };
        let linker = match self.linker(&engine, &module, job) {
            Ok(linker) => linker,
            Err(error) => return Ok((Err(error), None)),
        };
        let mut store = self.store(&engine, job)?;
        let expiry = Arc::clone(&timer);
        let waits = if self.sync() { UpdateDeadline::Continue } else { UpdateDeadline::Yield };
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| match expiry.reached() {
            Some(limit) => Err(Reached(limit).into()),
            None => Ok(waits(1)),
        });
        let call = Call {
            job: job.clone(),
            store,
            linker,
            module,
            timer,
            notes: self.notes.clone(),
            reused: self.choices.reused,
        };
        let _ticker = match self.choices.deadline {
            Deadline::WholeRun | Deadline::EntryOnly => Some(Ticker::start(engine)?),
            Deadline::NeverAdvanced | Deadline::TimeoutRoundCall | Deadline::ThreadAbandoned => None,
        };
        match (self.choices.deadline, self.choices.stack) {
            (Deadline::TimeoutRoundCall, _) => call.under_timeout(self.caps.time(LimitKey::Deadline)),
            (Deadline::ThreadAbandoned, _) => self.abandoning(call),
            (_, Stack::LargerThanThread { thread: stack, .. }) => {
                let guest = thread::Builder::new().stack_size(stack).spawn(move || call.blocking());
                let guest =
                    guest.map_err(|source| TargetError::Io { what: "cannot start the guest's thread", source })?;
                guest.join().map_err(|_| TargetError::Protocol("the guest's thread panicked".into()))
            }
            (Deadline::WholeRun | Deadline::EntryOnly | Deadline::NeverAdvanced, Stack::Fits)
                if self.choices.waits == Waits::Cut =>
            {
                call.in_tasks()
            }
            (Deadline::WholeRun | Deadline::EntryOnly | Deadline::NeverAdvanced, Stack::Fits) => Ok(call.blocking()),
        }
    }

    /// Whether a proposal is on.
    fn offers(&self, job: &Job, feature: Feature) -> bool {
        let collected = matches!(feature, Feature::Gc | Feature::FunctionReferences);
        job.policy.features.allows(feature) || (self.choices.counting == Counting::LinearOnly && collected)
    }

    /// Whether the guest is called without tasks.
    fn sync(&self) -> bool {
        self.choices.waits == Waits::Block
    }

    fn fuel(&self) -> Option<u64> {
        self.caps.get(LimitKey::Fuel).filter(|_| self.choices.budgets)
    }

    fn linker(&self, engine: &Engine, module: &Module, job: &Job) -> wasmtime::Result<Linker<Host>> {
        let mut linker: Linker<Host> = Linker::new(engine);
        match self.choices.imports {
            Imports::Engine if self.sync() => p1::add_to_linker_sync(&mut linker, |host| &mut host.wasi)?,
            Imports::Engine => p1::add_to_linker_async(&mut linker, |host| &mut host.wasi)?,
            Imports::Own(link) => link(&mut linker, module, job)?,
        }
        Ok(linker)
    }

    fn store(&self, engine: &Engine, job: &Job) -> Result<Store<Host>, TargetError> {
        let grants = &job.policy.grants;
        let mut builder = WasiCtxBuilder::new();
        builder.arg("guest").arg(&job.nonce);
        for argument in &grants.arguments {
            builder.arg(&argument.value);
        }
        for variable in &grants.environment {
            builder.env(&variable.name.value, &variable.value.value);
        }
        let clock = Coarse::of(&job.policy);
        builder.wall_clock(clock).monotonic_clock(clock);
        match self.choices.streams {
            Streams::Captured | Streams::StderrUnbounded => {
                builder.stdout(self.captured.stream(false)).stderr(self.captured.stream(true));
                if grants.stdin.value == Stdin::Inherit {
                    builder.stdin(MemoryInputPipe::new(job.stdin.clone()));
                }
            }
            Streams::Inherited => {
                builder.inherit_stdio();
            }
        }
        for grant in &grants.filesystem {
            let perms = match grant.access.value {
                Access::ReadOnly => FsPerms::ReadOnly,
                Access::ReadWrite | Access::Scratch => FsPerms::ReadWrite,
            };
            builder.preopened_dir(&grant.host.value, &grant.guest.value, perms).map_err(|error| {
                TargetError::LimitUnenforced {
                    key: "grants.filesystem".into(),
                    why: format!("`{}` cannot be opened: {error:#}", grant.host.value),
                }
            })?;
        }
        let mut wasi: WasiP1Ctx = builder.build_p1();
        if let Some(cap) = self.caps.size(LimitKey::OpenFiles) {
            wasi.ctx()
                .table
                .set_max_capacity(cap.saturating_add(grants.filesystem.len()).saturating_add(OWN_RESOURCES));
        }
        let limiter = Limiter::new(self.choices.counting, &job.guest, &self.caps, self.notes.clone());
        let mut store =
            Store::new(engine, Host { wasi, limiter, captured: self.captured.clone(), notes: self.notes.clone() });
        store.limiter(|host| &mut host.limiter);
        if let Some(fuel) = self.fuel() {
            // Fuel was switched on in the engine exactly when there is a limit.
            let _ = store.set_fuel(fuel);
        }
        Ok(store)
    }

    /// Answers when the time is over, whatever the guest's thread does.
    ///
    /// A server would go on living with that thread in it, and so does this process: its caller gets the answer as it stood at the
    /// deadline, but only when the thread has ended, so that what the thread takes is measured and not cut off by our own exit.
    fn abandoning(&mut self, call: Call) -> Result<End, TargetError> {
        let (answer, answered) = mpsc::channel();
        let guest = thread::Builder::new().spawn(move || _ = answer.send(call.blocking()));
        let guest = guest.map_err(|source| TargetError::Io { what: "cannot start the guest's thread", source })?;
        let deadline = self.caps.time(LimitKey::Deadline).unwrap_or(Duration::MAX);
        let end = match answered.recv_timeout(deadline.saturating_sub(self.start.elapsed())) {
            Ok(end) => end,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                // What such an executor reports as the time taken is the limit, which it did not look up on any clock.
                self.counted.push((LimitKey::Deadline, nanos(deadline)));
                (Err(Reached(LimitKey::Deadline).into()), None)
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(TargetError::Protocol("the guest's thread panicked".into()));
            }
        };
        let _ = guest.join();
        Ok(end)
    }

    fn outcome(mut self, job: &Job, (end, fuel_left): End) -> Outcome {
        let mut outcome = Outcome::default();
        match end {
            Ok(returned) => outcome.returned = returned,
            Err(error) => outcome.ending = ending(&error, &self.notes),
        }
        (outcome.stdout, outcome.stderr, outcome.truncated) = self.captured.taken();
        if let Some((cap, left)) = self.fuel().zip(fuel_left) {
            self.counted.push((LimitKey::Fuel, cap.saturating_sub(left)));
        }
        let noted = self.notes.lock();
        outcome.denials.clone_from(&noted.denials);
        self.counted.extend([
            (LimitKey::Memory, noted.memory),
            (LimitKey::TableElements, noted.table_elements),
            (LimitKey::Output, (outcome.stdout.len() + outcome.stderr.len()) as u64),
            (LimitKey::ModuleSize, job.guest.len() as u64),
            (LimitKey::CpuTime, nanos(cpu_time())),
            (LimitKey::Deadline, nanos(self.start.elapsed())),
        ]);
        outcome.usage = usage(&job.policy, &self.counted);
        let note = "a home-made embedding: the guest runs in the caller's process";
        outcome.confinement = ["process", "seccomp", "landlock", "rlimits"]
            .into_iter()
            .map(|mechanism| Confinement { mechanism: mechanism.into(), granted: Granted::None, note: note.into() })
            .collect();
        outcome
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use gauntlet_record::{Cause, DenialKind, Ending};

    use super::*;

    fn run(limits: &str, guest: &str) -> Outcome {
        let policy = Policy::parse("t", &format!("version: 1\nlimits: {{ {limits} }}\n")).unwrap();
        let job =
            Job { guest: wat::parse_str(guest).unwrap(), policy, nonce: "00000000000000aa".into(), ..Job::default() };
        SOUND.run(&job).unwrap()
    }

    fn used(outcome: &Outcome, key: LimitKey) -> u64 {
        outcome.usage.iter().find(|usage| usage.limit == key).unwrap().used.unwrap()
    }

    #[test]
    fn an_honest_guest_says_hello_and_gets_its_nonce() {
        let outcome = run(
            "",
            r#"(module
                (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
                (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
                (memory (export "memory") 1)
                (func (export "_start")
                    (drop (call $args (i32.const 0) (i32.const 100)))
                    ;; The second argument stands after `guest` and its zero byte.
                    (i32.store (i32.const 16) (i32.const 106)) (i32.store (i32.const 20) (i32.const 16))
                    (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))"#,
        );
        assert_eq!(outcome.ending.ending, Ending::Returned, "{outcome:?}");
        assert_eq!(outcome.stdout, b"00000000000000aa");
        assert_eq!(used(&outcome, LimitKey::Output), 16);
    }

    #[test]
    fn memory_is_bounded_over_all_memories_and_a_denied_growth_is_noted() {
        let guest = r#"(module (memory 1) (func (export "_start") (result i32) (memory.grow (i32.const 20))))"#;
        let outcome = run("memory: 1MiB", guest);
        assert_eq!(outcome.returned, Some(u64::from(u32::MAX)));
        assert_eq!(outcome.causes(), [Cause::Limit(LimitKey::Memory)]);
        assert_eq!(used(&outcome, LimitKey::Memory), 64 << 10);
        let at_creation = run("memory: 1MiB", r#"(module (memory 17) (func (export "_start")))"#);
        assert_eq!(at_creation.ending.cause, Some(Cause::Limit(LimitKey::Memory)));
        let tables =
            run("table-elements: 10", r#"(module (table 8 funcref) (table 8 funcref) (func (export "_start")))"#);
        assert_eq!(tables.ending.cause, Some(Cause::Limit(LimitKey::TableElements)));
    }

    #[test]
    fn loops_sleeps_and_recursion_meet_their_limits() {
        let endless = r#"(module (func (export "_start") (loop (br 0))))"#;
        assert_eq!(run("fuel: 10_000", endless).ending.cause, Some(Cause::Limit(LimitKey::Fuel)));
        assert_eq!(
            run("fuel: unlimited, deadline: 20ms", endless).ending.cause,
            Some(Cause::Limit(LimitKey::Deadline))
        );
        let at_start = r#"(module (func $f (loop (br 0))) (start $f) (func (export "_start")))"#;
        assert_eq!(
            run("fuel: unlimited, deadline: 20ms", at_start).ending.cause,
            Some(Cause::Limit(LimitKey::Deadline))
        );
        assert_eq!(run("fuel: unlimited, cpu-time: 20ms", endless).ending.cause, Some(Cause::Limit(LimitKey::CpuTime)));
        let sleep = r#"(module
            (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "_start")
                (i32.store (i32.const 16) (i32.const 1)) (i64.store (i32.const 24) (i64.const 600_000_000_000))
                (drop (call $poll (i32.const 0) (i32.const 104) (i32.const 1) (i32.const 200)))))"#;
        assert_eq!(run("deadline: 20ms", sleep).ending.cause, Some(Cause::Limit(LimitKey::Deadline)));
        let deep = r#"(module (func $f (export "_start") (call $f) (call $f)))"#;
        assert_eq!(run("", deep).ending.cause, Some(Cause::Limit(LimitKey::Stack)));
    }

    #[test]
    fn output_is_cut_over_both_streams() {
        let outcome = run("output: 100B", include_str!("../../tests/guests/floods_both_streams.wat"));
        assert_eq!(outcome.stdout.len() + outcome.stderr.len(), 100);
        assert!(outcome.truncated);
        assert_eq!(outcome.causes(), [Cause::Limit(LimitKey::Output)]);
    }

    #[test]
    fn what_is_not_allowed_is_refused_before_it_runs() {
        let cause = |limits, guest| run(limits, guest).ending.cause;
        let two = "(module (memory 1) (memory 1) (func (export \"_start\")))";
        assert_eq!(cause("", two), Some(Cause::Denied(DenialKind::Feature)));
        let foreign = r#"(module (import "host" "exec" (func)) (func (export "_start")))"#;
        assert_eq!(cause("", foreign), Some(Cause::Denied(DenialKind::Import)));
        assert_eq!(cause("module-size: 7B", "(module)"), Some(Cause::Limit(LimitKey::ModuleSize)));
        assert_eq!(cause("compile-time: 1us", "(module (func))"), Some(Cause::Limit(LimitKey::CompileTime)));
        assert_eq!(cause("", "(module)"), Some(Cause::RefusedModule));
    }
}
