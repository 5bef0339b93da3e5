//! Where guests run, and whether this program can be its own worker.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

/// Whether `main` began with [`worker_main`]. Set once, never taken back: starting this program again as a worker is only safe then,
/// since it would run the embedder's own `main` otherwise, which would start the next one.
static PREPARED: AtomicBool = AtomicBool::new(false);

/// Where guests run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Placement {
    /// In a jailed process of its own: for guests that nobody trusts. The default.
    #[default]
    Worker,
    /// In the caller's process: fast, and only as safe as the engine. For guests that are trusted to some degree, for tests, and for
    /// embedders who isolate by other means. Needed for sessions and for host functions.
    Inline,
}

/// Becomes a worker if this process was started as one, and says with which code to exit; otherwise does nothing.
///
/// Call it at the top of `main`, before anything opens a file or starts a thread:
///
/// ```no_run
/// if let Some(code) = gauntlet_sandbox::worker_main() {
///     std::process::exit(i32::from(code));
/// }
/// ```
#[must_use]
pub fn worker_main() -> Option<u8> {
    PREPARED.store(true, Ordering::Release);
    crate::worker::worker_main()
}

/// Whether this program can be started again as a worker.
pub(crate) fn prepared() -> bool {
    PREPARED.load(Ordering::Acquire)
}
