//! The sandbox as a library: one value that holds a policy and runs guests under it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use gauntlet_policy::{
    Access, Bytes, Feature, FileGrant, Limit, Nanos, NetworkGrant, OnDenial, Policy, Scope, Span, Spanned, Stdin,
    Variable,
};
use gauntlet_record::LimitKey;
use gauntlet_target::{Job, Outcome, Target as _, TargetError, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use crate::error::{CallError, SandboxError};
use crate::functions::{Functions, HostCall, HostFault, HostFuture};
use crate::guest::Guest;
use crate::live::Follow;
use crate::placement::{self, Placement};
use crate::runtime::Call;
use crate::session::Session;
use crate::tenants::Tenant;
use crate::typed;
use crate::warm::{Event, Listener, Request, Warm};
use crate::{Pool, PoolBuilder, Protections, Worker};

/// Runs one function of a guest under the strict policy, in a jailed worker, and gives its result.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// if let Some(code) = gauntlet_sandbox::worker_main() {
///     std::process::exit(i32::from(code));
/// }
/// let sum: i32 = gauntlet_sandbox::run("add.wasm", "add", (5, 3))?;
/// assert_eq!(sum, 8);
/// # Ok(())
/// # }
/// ```
///
/// The arguments are a tuple, one item an argument; `()` is none, and a value that is no tuple is the only argument. Results come back
/// the same way. Each run is a process of its own; for many calls, build a [`Sandbox`], which keeps workers
/// warm.
///
/// # Errors
///
/// If the guest cannot be read or run, is refused, reaches a limit, traps or exits; or if a value does not fit.
pub fn run<A, R>(guest: impl AsRef<Path>, function: &str, arguments: A) -> Result<R, CallError>
where
    A: Serialize,
    R: DeserializeOwned,
{
    let guest = Guest::open(guest).map_err(SandboxError::from)?;
    Sandbox::builder().build()?.call(&guest, function, arguments)
}

/// A policy, and what is needed to run guests under it. Cheap to clone; clones share engines, compiled guests and the ticker.
///
/// A sandbox is `Send` and `Sync`: one is enough for a program, and calls from several threads run side by side.
#[derive(Debug, Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    policy: Policy,
    placement: Placement,
    worker: Worker,
    workers: Workers,
    functions: Functions,
    listener: Option<Listener>,
    stdin: Vec<u8>,
    warm: OnceLock<Arc<Warm>>,
}

/// The warm workers of a sandbox whose guests run in workers.
struct Workers {
    wanted: PoolBuilder,
    /// Whether the first run is worth a pool: somebody asked for one.
    at_once: bool,
    /// Whether there was a run already.
    used: AtomicBool,
    pool: Mutex<Option<Arc<Pool>>>,
}

impl Workers {
    /// The pool, made at its first use. Whoever calls once, and asked for nothing, needs none: `None`.
    fn pool(&self) -> Result<Option<Arc<Pool>>, TargetError> {
        if !self.used.swap(true, Ordering::Relaxed) && !self.at_once {
            return Ok(None);
        }
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = &*pool {
            return Ok(Some(Arc::clone(pool)));
        }
        let made = Arc::new(self.wanted.clone().build()?);
        *pool = Some(Arc::clone(&made));
        Ok(Some(made))
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("policy", &self.policy.name)
            .field("placement", &self.placement)
            .field("functions", &self.functions)
            .finish_non_exhaustive()
    }
}

/// A value with what was seen of the run that gave it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Report<R> {
    /// What the function returned.
    pub value: R,
    /// Usage, denials, output, confinement.
    pub outcome: Outcome,
}

impl Sandbox {
    /// Begins with the strict policy: no grants, every limit at its strict default.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The policy in force, whether it was read or built.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.inner.policy
    }

    /// Where guests run.
    #[must_use]
    pub fn placement(&self) -> Placement {
        self.inner.placement
    }

    /// What the placement in this process keeps, made at its first use.
    pub(crate) fn warm(&self) -> Result<&Arc<Warm>, SandboxError> {
        let inner = &self.inner;
        if let Some(warm) = inner.warm.get() {
            return Ok(warm);
        }
        let protections = Protections::of(&inner.policy);
        let warm = Warm::new(inner.policy.clone(), protections, inner.functions.clone(), inner.listener.clone())?;
        // Two threads may get here at once: one of the two is kept.
        Ok(inner.warm.get_or_init(|| Arc::new(warm)))
    }

    pub(crate) fn functions(&self) -> &Functions {
        &self.inner.functions
    }

    pub(crate) fn stdin(&self) -> &[u8] {
        &self.inner.stdin
    }

    fn job(&self, guest: &Guest, entry: Option<&str>, arguments: Vec<Value>) -> Job {
        Job {
            guest: guest.bytes().to_vec(),
            entry: entry.map(str::to_owned),
            arguments,
            policy: self.inner.policy.clone(),
            stdin: self.inner.stdin.clone(),
            ..Job::default()
        }
    }

    /// Runs a guest's command: `_start`, or a component's `wasi:cli/run`. How it ended is in the outcome.
    ///
    /// # Errors
    ///
    /// If the guest could not be run at all.
    pub fn run(&self, guest: &Guest) -> Result<Outcome, SandboxError> {
        self.start(guest, None, Vec::new())
    }

    /// The same as a future, under any executor. Dropping it ends the run.
    ///
    /// # Errors
    ///
    /// If the guest could not be run at all.
    pub async fn run_async(&self, guest: &Guest) -> Result<Outcome, SandboxError> {
        self.start_async(guest, None, Vec::new()).await
    }

    /// Calls an exported function with plain data, and tells everything that was seen.
    ///
    /// A component's function is named by itself, or with its interface: `interface#function`.
    ///
    /// # Errors
    ///
    /// If the guest could not be run at all. A guest that is refused, traps or reaches a limit is an outcome.
    pub fn call_values(&self, guest: &Guest, function: &str, arguments: Vec<Value>) -> Result<Outcome, SandboxError> {
        self.start(guest, Some(function), arguments)
    }

    /// Calls an exported function and gives its result.
    ///
    /// # Errors
    ///
    /// If the guest could not be run, is refused, reaches a limit, traps or exits; or if a value does not fit.
    pub fn call<A, R>(&self, guest: &Guest, function: &str, arguments: A) -> Result<R, CallError>
    where
        A: Serialize,
        R: DeserializeOwned,
    {
        self.call_reported(guest, function, arguments).map(|report| report.value)
    }

    /// Calls an exported function and gives its result with everything that was seen of the run.
    ///
    /// # Errors
    ///
    /// As [`Sandbox::call`].
    pub fn call_reported<A, R>(&self, guest: &Guest, function: &str, arguments: A) -> Result<Report<R>, CallError>
    where
        A: Serialize,
        R: DeserializeOwned,
    {
        let arguments = typed::arguments(&arguments).map_err(SandboxError::from)?;
        let outcome = self.start(guest, Some(function), arguments)?;
        report(outcome, &self.inner.policy)
    }

    /// Calls an exported function as a future, under any executor. Dropping it ends the run.
    ///
    /// # Errors
    ///
    /// As [`Sandbox::call`].
    pub async fn call_async<A, R>(&self, guest: &Guest, function: &str, arguments: A) -> Result<R, CallError>
    where
        A: Serialize,
        R: DeserializeOwned,
    {
        let arguments = typed::arguments(&arguments).map_err(SandboxError::from)?;
        let outcome = self.start_async(guest, Some(function), arguments).await?;
        report(outcome, &self.inner.policy).map(|report| report.value)
    }

    /// Calls an exported function once for each item, each in an instance, with a deadline and a budget of its own. A call that fails
    /// takes no other with it. Nothing runs ahead: each call is made when its result is asked for.
    pub fn call_many<A, R>(
        &self,
        guest: &Guest,
        function: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> impl Iterator<Item = Result<R, CallError>>
    where
        A: Serialize,
        R: DeserializeOwned,
    {
        arguments.into_iter().map(move |arguments| self.call(guest, function, arguments))
    }

    /// The same for asynchronous callers: [`Calls::next`] makes one call.
    pub fn calls<A, I>(&self, guest: &Guest, function: &str, arguments: I) -> Calls<I::IntoIter>
    where
        A: Serialize,
        I: IntoIterator<Item = A>,
    {
        Calls {
            sandbox: self.clone(),
            guest: guest.clone(),
            function: function.to_owned(),
            arguments: arguments.into_iter(),
        }
    }

    /// Instantiates a guest and keeps the instance for many calls, each with a deadline and fuel of its own.
    ///
    /// # Errors
    ///
    /// If the guests of this sandbox run in workers, or the guest is refused, traps or reaches a limit while it is instantiated.
    pub fn session(&self, guest: &Guest) -> Result<Session, CallError> {
        Session::open(self, guest)
    }

    fn start(&self, guest: &Guest, entry: Option<&str>, arguments: Vec<Value>) -> Result<Outcome, SandboxError> {
        match self.inner.placement {
            Placement::Inline => {
                let call = Call { entry, nonce: "", arguments: &arguments };
                let request = Request {
                    guest: guest.bytes(),
                    digest: guest.digest(),
                    call,
                    stdin: &self.inner.stdin,
                    signature: None,
                    trace: gauntlet_target::Trace::default(),
                    deny: &[],
                };
                Ok(self.warm()?.run(&request)?)
            }
            Placement::Worker => {
                let job = self.job(guest, entry, arguments);
                let outcome = match self.inner.workers.pool()? {
                    Some(pool) => pool.run(&job)?,
                    None => self.inner.worker.run(&job)?,
                };
                self.tell_all(&outcome);
                Ok(outcome)
            }
        }
    }

    async fn start_async(
        &self,
        guest: &Guest,
        entry: Option<&str>,
        arguments: Vec<Value>,
    ) -> Result<Outcome, SandboxError> {
        match self.inner.placement {
            Placement::Inline => {
                let call = Call { entry, nonce: "", arguments: &arguments };
                let request = Request {
                    guest: guest.bytes(),
                    digest: guest.digest(),
                    call,
                    stdin: &self.inner.stdin,
                    signature: None,
                    trace: gauntlet_target::Trace::default(),
                    deny: &[],
                };
                Ok(self.warm()?.run_async(&request).await?)
            }
            Placement::Worker => {
                let job = self.job(guest, entry, arguments);
                let cancelled = Arc::new(AtomicBool::new(false));
                let run: Box<dyn FnOnce() -> Result<Outcome, TargetError> + Send> = match self.inner.workers.pool()? {
                    Some(pool) => {
                        let (tenant, cancelled) = (Tenant::default(), Arc::clone(&cancelled));
                        // Dropping the future here gives its place in the queue up.
                        match pool.submit(&tenant) {
                            Ok(ticket) => {
                                let lane = ticket.await;
                                Box::new(move || {
                                    pool.run_on(lane, &tenant, &job, Follow::cancelled_by(Some(&cancelled)))
                                })
                            }
                            Err(refused) => Box::new(move || Ok(refused.outcome())),
                        }
                    }
                    None => {
                        let worker = self.inner.worker.clone().cancelled_by(Arc::clone(&cancelled));
                        Box::new(move || worker.run(&job))
                    }
                };
                let (answer, answered) = oneshot::channel();
                // The worker's parent waits for its pipes: on a thread of its own, so that the caller's executor is free.
                std::thread::Builder::new()
                    .name("gauntlet-parent".into())
                    .spawn(move || _ = answer.send(run()))
                    .map_err(|source| TargetError::Io { what: "cannot start a thread for the worker", source })?;
                let end = Cancel(cancelled);
                let outcome =
                    answered.await.map_err(|_| TargetError::Protocol("the parent's thread ended".into()))??;
                drop(end);
                self.tell_all(&outcome);
                Ok(outcome)
            }
        }
    }

    /// What a worker did is known when it is done.
    fn tell_all(&self, outcome: &Outcome) {
        if let Some(listener) = &self.inner.listener {
            for denial in &outcome.denials {
                listener(&Event::Denied(denial.clone()));
            }
            listener(&Event::Finished(outcome.ending.ending));
        }
    }
}

/// Ends a worker whose caller has lost interest.
struct Cancel(Arc<AtomicBool>);

impl Drop for Cancel {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

pub(crate) fn report<R: DeserializeOwned>(outcome: Outcome, policy: &Policy) -> Result<Report<R>, CallError> {
    let mut outcome = CallError::of(outcome, policy)?;
    let value = typed::results(std::mem::take(&mut outcome.results)).map_err(SandboxError::from)?;
    Ok(Report { value, outcome })
}

/// Calls that are made one by one, each when it is asked for.
#[derive(Debug)]
pub struct Calls<I> {
    sandbox: Sandbox,
    guest: Guest,
    function: String,
    arguments: I,
}

impl<I> Calls<I>
where
    I: Iterator,
    I::Item: Serialize,
{
    /// Makes the next call; `None` when there are no arguments left.
    pub async fn next<R: DeserializeOwned>(&mut self) -> Option<Result<R, CallError>> {
        let arguments = self.arguments.next()?;
        Some(self.sandbox.call_async(&self.guest, &self.function, arguments).await)
    }
}

/// Puts a sandbox together. Whatever is set here is written into a policy, which is read again like a file: builder and file cannot
/// disagree.
#[derive(Debug)]
pub struct Builder {
    policy: Policy,
    /// Whether the policy differs from the text that it was read from.
    changed: bool,
    placement: Placement,
    worker: Worker,
    own_worker: bool,
    program: Option<PathBuf>,
    pool: Option<PoolBuilder>,
    cache: Option<(PathBuf, u64)>,
    functions: Functions,
    listener: Heard,
    stdin: Vec<u8>,
    failed: Option<SandboxError>,
}

/// A listener, which has nothing to show.
#[derive(Default)]
struct Heard(Option<Listener>);

impl std::fmt::Debug for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "a listener" } else { "no listener" })
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            policy: Policy { name: "builder".into(), ..Policy::default() },
            changed: true,
            placement: Placement::default(),
            worker: Worker::new(),
            own_worker: true,
            program: None,
            pool: None,
            cache: None,
            functions: Functions::default(),
            listener: Heard::default(),
            stdin: Vec::new(),
            failed: None,
        }
    }
}

fn here<T>(value: T) -> Spanned<T> {
    Spanned { value, span: Span::default() }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

impl Builder {
    /// Begins with a policy that was read elsewhere. What was set before is forgotten.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.changed = policy.text.is_empty();
        self.policy = policy;
        self
    }

    /// Begins with a policy file. What was set before is forgotten; what is set afterwards is laid over it.
    #[must_use]
    pub fn policy_file(mut self, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        match gauntlet_policy::load(&text(path), path) {
            Ok(policy) => self.policy(policy),
            Err(gauntlet_policy::LoadError::Faults { faults, .. }) => {
                self.failed = Some(SandboxError::Policy { name: text(path), faults });
                self
            }
            Err(source) => {
                self.failed = Some(SandboxError::PolicyFile { name: text(path), source });
                self
            }
        }
    }

    /// Where guests run. Default: in a worker.
    #[must_use]
    pub fn placement(mut self, placement: Placement) -> Self {
        self.placement = placement;
        self
    }

    /// Another program for the worker, whose `main` begins with [`crate::worker_main`].
    #[must_use]
    pub fn worker_program(mut self, program: impl Into<PathBuf>) -> Self {
        let program = program.into();
        self.worker = Worker::new().program(&program);
        self.own_worker = false;
        self.program = Some(program);
        self
    }

    /// How warm workers are kept. Without this, the first run starts a worker for itself, and from the second run on there is a pool whose
    /// workers stay ready for 10 s after the last use.
    ///
    /// The program of [`Builder::worker_program`] and the directory of [`Builder::cache_dir`] go before what the pool names.
    #[must_use]
    pub fn pool(mut self, pool: PoolBuilder) -> Self {
        self.pool = Some(pool);
        self
    }

    /// Keeps compiled code in a directory that nothing else uses, at most so much of it, so that a guest is compiled once and not in each
    /// worker. Workers read it and can change nothing in it.
    #[must_use]
    pub fn cache_dir(mut self, directory: impl Into<PathBuf>, most: Bytes) -> Self {
        self.cache = Some((directory.into(), most.get()));
        self
    }

    /// Sets any limit, in its base unit: bytes, nanoseconds or a count.
    #[must_use]
    pub fn limit(mut self, key: LimitKey, value: u64) -> Self {
        self.policy.limits.set(key, Limit::At(value, Span::default()));
        self.changed = true;
        self
    }

    /// Takes a limit away. The linter has a word to say about policies that do.
    #[must_use]
    pub fn unlimited(mut self, key: LimitKey) -> Self {
        self.policy.limits.set(key, Limit::Unlimited(Span::default()));
        self.changed = true;
        self
    }

    /// Linear memory, summed over everything that the guest holds. Default: 128 MiB.
    #[must_use]
    pub fn memory(self, bytes: Bytes) -> Self {
        self.limit(LimitKey::Memory, bytes.get())
    }

    /// Wall time from the first byte to the result. Default: 10 s.
    #[must_use]
    pub fn deadline(self, time: Duration) -> Self {
        self.limit(LimitKey::Deadline, crate::execute::nanos(time))
    }

    /// CPU time. Default: 5 s.
    #[must_use]
    pub fn cpu_time(self, time: Duration) -> Self {
        self.limit(LimitKey::CpuTime, crate::execute::nanos(time))
    }

    /// Fuel, about one an instruction. Default: 100 000 000.
    #[must_use]
    pub fn fuel(self, fuel: u64) -> Self {
        self.limit(LimitKey::Fuel, fuel)
    }

    /// Bytes on standard output and standard error together. Default: 1 MiB.
    #[must_use]
    pub fn output(self, bytes: Bytes) -> Self {
        self.limit(LimitKey::Output, bytes.get())
    }

    /// Allows or forbids a proposal.
    #[must_use]
    pub fn feature(mut self, feature: Feature, allowed: bool) -> Self {
        self.policy.features.set(feature, allowed, Span::default());
        self.changed = true;
        self
    }

    /// Gives the guest a directory of the host.
    #[must_use]
    pub fn grant_dir(mut self, host: impl AsRef<Path>, guest: impl Into<String>, access: Access) -> Self {
        let host = host.as_ref();
        if host.to_str().is_none() {
            let what = format!("`{}` is no UTF-8, and policies are text", host.display());
            self.failed.get_or_insert(SandboxError::Value(typed::ValueError::new(what).at("grant_dir")));
        }
        self.policy.grants.filesystem.push(FileGrant {
            host: here(if access == Access::Scratch { String::new() } else { text(host) }),
            guest: here(guest.into()),
            guest_named: true,
            access: here(access),
            reason: None,
            span: Span::default(),
        });
        self.changed = true;
        self
    }

    /// Lets the guest connect to `host:port`. Names are looked up once, before the guest runs.
    #[must_use]
    pub fn grant_connect(mut self, address: impl Into<String>) -> Self {
        let address = here(address.into());
        self.policy.grants.network.push(NetworkGrant {
            scope: Scope::Connect,
            address,
            reason: None,
            span: Span::default(),
        });
        self.changed = true;
        self
    }

    /// Gives the guest an environment variable. Nothing is inherited.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        let environment = &mut self.policy.grants.environment;
        environment.retain(|variable| variable.name.value != name);
        environment.push(Variable { name: here(name), value: here(value.into()) });
        self.changed = true;
        self
    }

    /// Gives the guest one more command line argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.policy.grants.arguments.push(here(argument.into()));
        self.changed = true;
        self
    }

    /// What the guest reads on standard input, which is closed otherwise.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self.policy.grants.stdin = here(Stdin::Inherit);
        self.changed = true;
        self
    }

    /// How coarse the guest's clocks are. Default: 1 ms.
    #[must_use]
    pub fn clock_resolution(mut self, resolution: Duration) -> Self {
        self.policy.grants.clock_resolution = Some(here(Nanos::new(crate::execute::nanos(resolution).max(1))));
        self.changed = true;
        self
    }

    /// What a denial does. Default: the guest gets an error and goes on.
    #[must_use]
    pub fn on_denial(mut self, on_denial: OnDenial) -> Self {
        self.policy.on_denial = here(on_denial);
        self.changed = true;
        self
    }

    /// Allows a module by the SHA-256 of its bytes, in lower-case hex. Once one is pinned, others are refused.
    #[must_use]
    pub fn pin(mut self, sha256: impl Into<String>) -> Self {
        self.policy.modules.sha256.push(here(sha256.into()));
        self.changed = true;
        self
    }

    /// Denies an import, as `module::function`.
    #[must_use]
    pub fn deny_import(mut self, import: impl Into<String>) -> Self {
        self.policy.modules.deny.push(here(import.into()));
        self.changed = true;
        self
    }

    /// Adds a function of the host's that the guest may import. Arguments and results are typed by the closure.
    ///
    /// A core module passes text and bytes as pointer and length: read them with [`HostCall::read`] and [`HostCall::string`], which
    /// check them. A component imports the function from the interface `module`, or from its root if that is empty, and passes values.
    /// Each call, and each byte that it moves, is charged to the guest's `host-work`. Needs [`Placement::Inline`].
    #[must_use]
    pub fn host_function<A, R, F>(mut self, module: &str, name: &str, function: F) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
        F: Fn(&mut HostCall<'_>, A) -> Result<R, HostFault> + Send + Sync + 'static,
    {
        self.functions.add(module, name, function);
        self
    }

    /// Adds a function of the host's that may wait, or call the guest back. Give back `Box::pin(async move { .. })`.
    ///
    /// The deadline goes on while it waits, and cuts it off.
    #[must_use]
    pub fn host_function_async<A, R, F>(mut self, module: &str, name: &str, function: F) -> Self
    where
        A: DeserializeOwned,
        R: Serialize + Send + 'static,
        F: for<'a, 'b> Fn(&'a mut HostCall<'b>, A) -> HostFuture<'a, R> + Send + Sync + 'static,
    {
        self.functions.add_async(module, name, function);
        self
    }

    /// How deep guest and host may call each other. Default: [`crate::DEFAULT_REENTRY`].
    #[must_use]
    pub fn reentry(mut self, depth: u32) -> Self {
        self.functions.reentry = depth;
        self
    }

    /// Hears of every run's progress. Called on the thread that runs the guest; it should not wait. Of a worker, denials and the end
    /// are told when the run is over.
    #[must_use]
    pub fn on_event(mut self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.listener = Heard(Some(Arc::new(listener)));
        self
    }

    /// Builds the sandbox. Nothing runs yet.
    ///
    /// # Errors
    ///
    /// If the policy has faults, asks for what this executor or host cannot hold, or there is no worker to be had.
    pub fn build(self) -> Result<Sandbox, SandboxError> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let policy = if self.changed {
            let name = if self.policy.name.is_empty() { "builder".to_owned() } else { self.policy.name.clone() };
            let text = self.policy.to_yaml();
            Policy::parse(&name, &text).map_err(|faults| SandboxError::Policy { name, faults })?
        } else {
            self.policy
        };
        crate::preflight(&policy)?;
        if self.placement == Placement::Worker {
            if !self.functions.is_empty() {
                return Err(SandboxError::NeedsInline { what: "a host function" });
            }
            if self.own_worker && !placement::prepared() {
                return Err(SandboxError::NoWorker);
            }
        }
        let at_once = self.pool.is_some() || self.cache.is_some();
        let mut wanted = self.pool.unwrap_or_else(|| Pool::builder().min(0));
        if let Some(program) = self.program {
            wanted = wanted.program(program);
        }
        if let Some((directory, most)) = self.cache {
            wanted = wanted.cache(directory, most);
        }
        let workers = Workers { wanted, at_once, used: AtomicBool::new(false), pool: Mutex::default() };
        Ok(Sandbox {
            inner: Arc::new(Inner {
                policy,
                placement: self.placement,
                worker: self.worker,
                workers,
                functions: self.functions,
                listener: self.listener.0,
                stdin: self.stdin,
                warm: OnceLock::new(),
            }),
        })
    }
}
