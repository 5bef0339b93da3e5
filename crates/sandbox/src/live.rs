//! Following a run while it runs: output as it comes, and ending it at once.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::output::Which;

/// Which stream a piece of output was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

type Listener = dyn Fn(Output, &[u8]) + Send + Sync;

/// A hold on a run: share it with the thread that runs the guest, for example in an [`Arc`](std::sync::Arc).
///
/// What the listener hears is what the outcome will hold: nothing beyond the limit on output. It is called on the thread that watches the
/// worker, whose clocks wait for it meanwhile, so it should only put the bytes somewhere.
#[derive(Default)]
pub struct Live {
    cancelled: AtomicBool,
    listener: Option<Box<Listener>>,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("cancelled", &self.cancelled).finish_non_exhaustive()
    }
}

impl Live {
    /// A hold on a run that nobody listens to.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hears output as it comes.
    #[must_use]
    pub fn on_output(mut self, listener: impl Fn(Output, &[u8]) + Send + Sync + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// Ends the run: its worker is killed within a few milliseconds. A run that has not begun does not begin.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
    }

    /// Whether somebody has ended it.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    pub(crate) fn follow(&self) -> Follow<'_> {
        Follow { cancelled: Some(&self.cancelled), listener: self.listener.as_deref() }
    }
}

/// Who follows a run, for the thread that runs it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Follow<'a> {
    cancelled: Option<&'a AtomicBool>,
    listener: Option<&'a Listener>,
}

impl<'a> Follow<'a> {
    /// Nobody listens, and a flag ends it.
    pub(crate) fn cancelled_by(cancelled: Option<&'a AtomicBool>) -> Self {
        Self { cancelled, listener: None }
    }

    pub(crate) fn cancelled(&self) -> bool {
        self.cancelled.is_some_and(|cancelled| cancelled.load(Ordering::Acquire))
    }

    pub(crate) fn wrote(&self, which: Which, bytes: &[u8]) {
        if let Some(listener) = self.listener {
            let output = match which {
                Which::Out => Output::Stdout,
                Which::Err => Output::Stderr,
            };
            listener(output, bytes);
        }
    }
}
