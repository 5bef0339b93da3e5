//! One call of one guest, in the ways that embeddings call guests, and how it ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gauntlet_record::{Cause, DenialKind, Ending, LimitKey};
use gauntlet_target::{EndingSeen, Job, TargetError};
use wasmtime::component::ResourceTableError;
use wasmtime::{Engine, Func, Instance, Linker, Module, Store, Trap, Val};
use wasmtime_wasi::I32Exit;

use super::host::{Host, Notes, Timer};

/// How often the epoch advances.
const TICK: Duration = Duration::from_millis(1);

/// A limit that ended the run from outside the guest; found again by its type.
#[derive(Debug, thiserror::Error)]
#[error("the limit `{0}` was reached")]
pub(super) struct Reached(pub(super) LimitKey);

/// The guest cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub(super) struct Refused {
    pub(super) cause: Cause,
    pub(super) detail: String,
}

/// How a call ended, and what is left of its fuel.
pub(super) type End = (wasmtime::Result<Option<u64>>, Option<u64>);

/// Everything that one call needs; it can go to another thread.
pub(super) struct Call {
    pub(super) job: Job,
    pub(super) store: Store<Host>,
    pub(super) linker: Linker<Host>,
    pub(super) module: Module,
    pub(super) timer: Arc<Timer>,
    pub(super) notes: Notes,
    /// Another tenant's call comes first, on the same instance.
    pub(super) reused: bool,
}

impl Call {
    /// Calls the guest in a task. Host calls that wait are cut when the time is over, and so is a guest that yields.
    pub(super) fn in_tasks(mut self) -> Result<End, TargetError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| TargetError::Io { what: "cannot build a runtime", source })?;
        let timer = Arc::clone(&self.timer);
        let waiting = async move {
            loop {
                tokio::time::sleep(TICK).await;
                if let Some(limit) = timer.reached() {
                    break limit;
                }
            }
        };
        let end = runtime.block_on(async {
            let call = async {
                self.check_imports()?;
                let instance = self.linker.instantiate_async(&mut self.store, &self.module).await;
                let instance = instance.map_err(|error| at_instantiation(error, &self.notes))?;
                self.timer.arm(Instant::now());
                let (function, arguments, mut results) = entry(&mut self.store, &instance, &self.job)?;
                if self.reused {
                    function.call_async(&mut self.store, &arguments, &mut results).await?;
                }
                function.call_async(&mut self.store, &arguments, &mut results).await?;
                Ok(number(&results))
            };
            tokio::select! {
                end = call => end,
                limit = waiting => Err(Reached(limit).into()),
            }
        });
        // A file operation that is still stuck in its thread must not keep us.
        runtime.shutdown_background();
        Ok((end, self.store.get_fuel().ok()))
    }

    /// Calls the guest on this thread.
    pub(super) fn blocking(mut self) -> End {
        let mut call = || {
            self.check_imports()?;
            let instance = self.linker.instantiate(&mut self.store, &self.module);
            let instance = instance.map_err(|error| at_instantiation(error, &self.notes))?;
            self.timer.arm(Instant::now());
            let (function, arguments, mut results) = entry(&mut self.store, &instance, &self.job)?;
            function.call(&mut self.store, &arguments, &mut results)?;
            Ok(number(&results))
        };
        let end = call();
        (end, self.store.get_fuel().ok())
    }

    /// Puts a timeout round the call. Nothing in there ever yields, so the timeout is looked at when all is over.
    pub(super) fn under_timeout(self, deadline: Option<Duration>) -> Result<End, TargetError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|source| TargetError::Io { what: "cannot build a runtime", source })?;
        let call = async { tokio::task::block_in_place(|| self.blocking()) };
        let end = runtime.block_on(async {
            match deadline {
                Some(deadline) => tokio::time::timeout(deadline, call).await,
                None => Ok(call.await),
            }
        });
        runtime.shutdown_background();
        Ok(end.unwrap_or_else(|_| (Err(Reached(LimitKey::Deadline).into()), None)))
    }

    /// Refuses a guest whose imports are not all linked.
    fn check_imports(&mut self) -> wasmtime::Result<()> {
        for import in self.module.imports() {
            let name = format!("{}::{}", import.module(), import.name());
            let denied = self.job.policy.modules.deny.iter().any(|denied| denied.value == name);
            if denied || self.linker.get_by_import(&mut self.store, &import).is_none() {
                return Err(Refused { cause: Cause::Denied(DenialKind::Import), detail: name }.into());
            }
        }
        Ok(())
    }
}

/// Advances an epoch until it is dropped.
pub(super) struct Ticker {
    done: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Ticker {
    pub(super) fn start(engine: Engine) -> Result<Self, TargetError> {
        let done = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&done);
        let tick = move || {
            while !over.load(Ordering::Acquire) {
                thread::sleep(TICK);
                engine.increment_epoch();
            }
        };
        let thread = thread::Builder::new().name("ticker".into()).spawn(tick);
        let thread = thread.map_err(|source| TargetError::Io { what: "cannot start the ticker", source })?;
        Ok(Self { done, thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The entry with its arguments and room for its results: nothing, or the nonce.
fn entry(store: &mut Store<Host>, instance: &Instance, job: &Job) -> wasmtime::Result<(Func, Vec<Val>, Vec<Val>)> {
    let name = job.entry.as_deref().unwrap_or("_start");
    let refused =
        || Refused { cause: Cause::RefusedModule, detail: format!("no entry `{name}` that takes nothing or one i64") };
    let function = instance.get_func(&mut *store, name).ok_or_else(refused)?;
    let kind = function.ty(&*store);
    let arguments = match kind.params().len() {
        0 => Vec::new(),
        1 if matches!(kind.param(0), Some(wasmtime::ValType::I64)) => {
            vec![Val::I64(u64::from_str_radix(&job.nonce, 16).unwrap_or(0).cast_signed())]
        }
        _ => return Err(refused().into()),
    };
    Ok((function, arguments, vec![Val::I32(0); kind.results().len()]))
}

fn number(results: &[Val]) -> Option<u64> {
    match results.first() {
        Some(Val::I64(value)) => Some(value.cast_unsigned()),
        Some(Val::I32(value)) => Some(u64::from(value.cast_unsigned())),
        _ => None,
    }
}

/// The engine gives no type to a memory or table that was denied at its creation; the notes know.
fn at_instantiation(error: wasmtime::Error, notes: &Notes) -> wasmtime::Error {
    let typed = error.downcast_ref::<Trap>().is_some()
        || error.downcast_ref::<Reached>().is_some()
        || error.downcast_ref::<I32Exit>().is_some();
    match notes.last_limit() {
        Some(limit) if !typed => Reached(limit).into(),
        Some(_) | None => error,
    }
}

/// The ending that an error stands for, found by types all the way.
pub(super) fn ending(error: &wasmtime::Error, notes: &Notes) -> EndingSeen {
    let limit = |key, detail: String| EndingSeen::caused(Ending::LimitReached, Cause::Limit(key), detail);
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return EndingSeen {
            ending: Ending::Exited,
            exit_code: Some(exit.0),
            detail: exit.to_string(),
            ..EndingSeen::default()
        };
    }
    if let Some(reached @ Reached(key)) = error.downcast_ref() {
        return limit(*key, reached.to_string());
    }
    if let Some(Refused { cause, detail }) = error.downcast_ref() {
        return EndingSeen::caused(Ending::Refused, *cause, detail.clone());
    }
    if let Some(full @ ResourceTableError::Full) = error.downcast_ref() {
        return limit(LimitKey::OpenFiles, full.to_string());
    }
    let key = match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => Some(LimitKey::Stack),
        Some(Trap::OutOfFuel) => Some(LimitKey::Fuel),
        Some(Trap::AllocationTooLarge) => notes.last_limit(),
        Some(_) | None => None,
    };
    let detail = error.root_cause().to_string();
    match key {
        Some(key) => limit(key, detail),
        None => EndingSeen { ending: Ending::Trapped, detail, ..EndingSeen::default() },
    }
}
