//! One ticker for all runs of a sandbox: it advances the epoch while guests run, and sleeps when none do.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::{io, thread};

use wasmtime::Engine;

use crate::execute::TICK;

/// Ticks without a run after which the ticker parks. Runs that follow each other closely find it awake.
const IDLE_TICKS: u32 = 50;

/// What the ticker and the runs share.
#[derive(Default)]
struct Shared {
    /// An engine that allocates from a pool, and one that does not; each once it was built.
    engines: [OnceLock<Engine>; 2],
    running: AtomicUsize,
    parked: AtomicBool,
    stop: AtomicBool,
    gate: Mutex<()>,
    wake: Condvar,
}

/// The ticker. Dropping it ends its thread.
pub(crate) struct Pulse {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Keeps the ticker awake.
pub(crate) struct Beat(Arc<Shared>);

impl Pulse {
    /// Starts the ticker.
    ///
    /// # Errors
    ///
    /// If the system gives no thread.
    pub(crate) fn start() -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let own = Arc::clone(&shared);
        let thread = thread::Builder::new().name("gauntlet-ticker".into()).spawn(move || own.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Makes the ticker advance an engine's epoch, too.
    pub(crate) fn drive(&self, engine: &Engine, pooled: bool) {
        let _ = self.shared.engines[usize::from(pooled)].set(engine.clone());
    }

    /// Keeps the ticker awake until what comes back is dropped.
    pub(crate) fn beat(&self) -> Beat {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        if self.shared.parked.load(Ordering::SeqCst) {
            let _gate = self.shared.gate.lock().unwrap_or_else(PoisonError::into_inner);
            self.shared.wake.notify_all();
        }
        Beat(Arc::clone(&self.shared))
    }

    /// Whether the ticker sleeps because nothing runs.
    #[cfg(test)]
    fn parked(&self) -> bool {
        self.shared.parked.load(Ordering::SeqCst)
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        {
            let _gate = self.shared.gate.lock().unwrap_or_else(PoisonError::into_inner);
            self.shared.stop.store(true, Ordering::SeqCst);
            self.shared.wake.notify_all();
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self) {
        let mut idle = 0;
        while !self.stop.load(Ordering::SeqCst) {
            thread::sleep(TICK);
            for engine in self.engines.iter().filter_map(OnceLock::get) {
                engine.increment_epoch();
            }
            idle = if self.running.load(Ordering::SeqCst) == 0 { idle + 1 } else { 0 };
            if idle >= IDLE_TICKS {
                self.park();
                idle = 0;
            }
        }
    }

    fn park(&self) {
        let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        self.parked.store(true, Ordering::SeqCst);
        // A run that began before we said so is seen here; one that begins later sees that we are parked.
        while self.running.load(Ordering::SeqCst) == 0 && !self.stop.load(Ordering::SeqCst) {
            gate = self.wake.wait(gate).unwrap_or_else(PoisonError::into_inner);
        }
        self.parked.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ticker_parks_when_nothing_runs_and_wakes_for_the_next_run() {
        let pulse = Pulse::start().unwrap();
        while !pulse.parked() {
            thread::yield_now();
        }
        let beat = pulse.beat();
        while pulse.parked() {
            thread::yield_now();
        }
        drop(beat);
        drop(pulse);
    }
}
