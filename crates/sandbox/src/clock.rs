//! Clocks that can be set by hand, so that a test of an hour takes no hour.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Where budgets, alerts and the audit log read the time.
///
/// Spans are measured on [`Clock::monotonic`], which never jumps; [`Clock::wall`] is only written down.
pub trait Clock: Send + Sync {
    /// Time since some fixed moment; never goes back.
    fn monotonic(&self) -> Duration;
    /// The time of day.
    fn wall(&self) -> SystemTime;
}

/// The system's clocks.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// A clock that stands still until it is told otherwise; for tests.
#[derive(Debug, Default)]
pub struct ManualClock {
    now: Mutex<Duration>,
    wall: Mutex<Duration>,
}

impl ManualClock {
    /// A clock at zero, on the first of January 1970.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets time pass on both clocks.
    pub fn advance(&self, by: Duration) {
        for clock in [&self.now, &self.wall] {
            let mut clock = clock.lock().unwrap_or_else(PoisonError::into_inner);
            *clock = clock.saturating_add(by);
        }
    }

    /// Sets the time of day, as an administrator or a time server does: the monotonic clock takes no notice.
    pub fn set_wall(&self, since_1970: Duration) {
        *self.wall.lock().unwrap_or_else(PoisonError::into_inner) = since_1970;
    }
}

impl Clock for ManualClock {
    fn monotonic(&self) -> Duration {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + *self.wall.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time of day as RFC 3339 in UTC. A clock that is off the calendar reads as its first moment rather than failing a run.
pub(crate) fn rfc3339(clock: &dyn Clock) -> String {
    jiff::Timestamp::try_from(clock.wall()).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_of_the_time_of_day_moves_no_span() {
        let clock = ManualClock::new();
        clock.advance(Duration::from_secs(5));
        clock.set_wall(Duration::ZERO);
        assert_eq!(clock.monotonic(), Duration::from_secs(5));
        assert_eq!(rfc3339(&clock), "1970-01-01T00:00:00Z");
        clock.set_wall(Duration::from_secs(u64::MAX >> 2));
        assert_eq!(rfc3339(&clock), "1970-01-01T00:00:00Z");
    }
}
