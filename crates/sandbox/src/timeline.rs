//! When things happened in a run, for whoever asked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use gauntlet_target::{MAX_MOMENTS, Moment};

use crate::execute::nanos;

/// The moments of one run. Clones share them; one that was not asked for records nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timeline {
    inner: Option<Arc<Inner>>,
}

#[derive(Debug)]
struct Inner {
    start: Instant,
    moments: Mutex<Vec<Moment>>,
}

impl Timeline {
    /// A timeline that begins at `start`, if it was asked for.
    pub(crate) fn new(asked: bool, start: Instant) -> Self {
        let inner = asked.then(|| Arc::new(Inner { start, moments: Mutex::default() }));
        Self { inner }
    }

    /// Records that something happened now.
    pub(crate) fn mark(&self, what: impl FnOnce() -> String) {
        let Some(inner) = &self.inner else { return };
        let at = nanos(inner.start.elapsed());
        let mut moments = inner.lock();
        if moments.len() >= MAX_MOMENTS {
            // Every other moment goes, but for the first ones, which name the steps before the guest ran.
            let mut index = 0;
            moments.retain(|_| {
                index += 1;
                index <= 16 || index % 2 == 0
            });
        }
        moments.push(Moment { at, what: what() });
    }

    /// All moments, in order.
    pub(crate) fn moments(&self) -> Vec<Moment> {
        self.inner.as_ref().map(|inner| inner.lock().clone()).unwrap_or_default()
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Vec<Moment>> {
        self.moments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeline_is_bounded_and_keeps_its_beginning_and_end() {
        let timeline = Timeline::new(true, Instant::now());
        for number in 0..10_000 {
            timeline.mark(|| number.to_string());
        }
        let moments = timeline.moments();
        assert!(moments.len() <= MAX_MOMENTS);
        assert_eq!(moments[0].what, "0");
        assert_eq!(moments[15].what, "15");
        assert_eq!(moments.last().unwrap().what, "9999");
        assert!(moments.windows(2).all(|pair| pair[0].at <= pair[1].at));
    }

    #[test]
    fn nobody_asked_nothing_recorded() {
        let timeline = Timeline::new(false, Instant::now());
        timeline.mark(|| unreachable!("nobody asked"));
        assert_eq!(timeline.moments(), []);
    }
}
