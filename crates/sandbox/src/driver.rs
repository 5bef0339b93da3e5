//! Where host calls wait: timers and file threads of a sandbox of its own, so that a call works under any executor and under none.

use std::cell::RefCell;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle, Thread};
use std::{future, io};

use gauntlet_record::LimitKey;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

use crate::stopwatch::Stopwatch;

/// The runtime before its thread was started, and the thread afterwards.
enum State {
    Ready(Runtime),
    Driven { stop: Option<oneshot::Sender<()>>, thread: Option<JoinHandle<()>> },
    Gone,
}

/// Timers and file threads. The thread that drives them starts with the first call that waits.
pub(crate) struct Driver {
    handle: Handle,
    /// Sockets make progress only while somebody drives them, also for a guest that asks again and again and never waits.
    network: bool,
    driven: AtomicBool,
    state: Mutex<State>,
}

impl Driver {
    /// Builds the runtime. `network` is whether sockets can be waited for.
    ///
    /// # Errors
    ///
    /// If the system refuses what a runtime needs.
    pub(crate) fn new(network: bool) -> io::Result<Self> {
        let mut builder = Builder::new_current_thread();
        builder.enable_time().thread_name("gauntlet-files");
        if network {
            builder.enable_io();
        }
        let runtime = builder.build()?;
        Ok(Self {
            handle: runtime.handle().clone(),
            network,
            driven: AtomicBool::new(false),
            state: Mutex::new(State::Ready(runtime)),
        })
    }

    /// Starts the thread that timers need, if it does not run yet.
    fn drive(&self) {
        if self.driven.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State::Ready(runtime) = std::mem::replace(&mut *state, State::Gone) else { return };
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::Builder::new().name("gauntlet-timers".into()).spawn(move || {
            let _ = runtime.block_on(stopped);
            // A file operation that is still stuck in its thread must not keep us.
            runtime.shutdown_background();
        });
        // Without a thread no timer fires; a call that waits then ends at its deadline, which is held by the caller's thread.
        *state = State::Driven { stop: Some(stop), thread: thread.ok() };
    }

    /// The runtime's handle, for work that blocks.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Waits for a run on the calling thread, and ends it when its watch says so.
    pub(crate) fn block_on<T>(&self, watch: &Stopwatch, run: impl Future<Output = T>) -> Result<T, LimitKey> {
        let _context = self.handle.enter();
        if self.network {
            self.drive();
        }
        let mut run = pin!(run);
        with_parker(|parker, waker| {
            let mut context = Context::from_waker(waker);
            loop {
                if let Poll::Ready(end) = run.as_mut().poll(&mut context) {
                    return Ok(end);
                }
                if let Some(limit) = watch.reached() {
                    return Err(limit);
                }
                if !parker.woken.swap(false, Ordering::AcqRel) {
                    self.drive();
                    match watch.left() {
                        Some(left) => thread::park_timeout(left),
                        None => thread::park(),
                    }
                }
            }
        })
    }

    /// The same as a future, for any executor.
    pub(crate) async fn within<T>(&self, watch: &Stopwatch, run: impl Future<Output = T>) -> Result<T, LimitKey> {
        if self.network {
            self.drive();
        }
        let mut run = pin!(run);
        let mut timer: Option<Pin<Box<tokio::time::Sleep>>> = None;
        future::poll_fn(|context| {
            let _context = self.handle.enter();
            if let Poll::Ready(end) = run.as_mut().poll(context) {
                return Poll::Ready(Ok(end));
            }
            loop {
                if let Some(limit) = watch.reached() {
                    return Poll::Ready(Err(limit));
                }
                let Some(left) = watch.left() else { return Poll::Pending };
                self.drive();
                let sleep = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(left)));
                if sleep.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                timer = None;
            }
        })
        .await
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let state = std::mem::replace(self.state.get_mut().unwrap_or_else(PoisonError::into_inner), State::Gone);
        match state {
            State::Ready(runtime) => runtime.shutdown_background(),
            State::Driven { stop, thread } => {
                drop(stop);
                if let Some(thread) = thread {
                    let _ = thread.join();
                }
            }
            State::Gone => {}
        }
    }
}

/// Wakes the thread that waits.
struct Parker {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.thread.unpark();
        }
    }
}

/// Gives the calling thread's waker; a call within a call gets one of its own.
fn with_parker<T>(body: impl FnOnce(&Parker, &Waker) -> T) -> T {
    thread_local! {
        static FREE: RefCell<Option<(Arc<Parker>, Waker)>> = const { RefCell::new(None) };
    }
    let kept = FREE.with(|free| free.borrow_mut().take());
    let (parker, waker) = kept.unwrap_or_else(|| {
        let parker = Arc::new(Parker { thread: thread::current(), woken: AtomicBool::new(false) });
        let waker = Waker::from(Arc::clone(&parker));
        (parker, waker)
    });
    parker.woken.store(false, Ordering::Release);
    let answer = body(&parker, &waker);
    FREE.with(|free| *free.borrow_mut() = Some((parker, waker)));
    answer
}
