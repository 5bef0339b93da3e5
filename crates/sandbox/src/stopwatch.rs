//! The clocks of one run: wall time since its first byte, and the CPU time of the thread that polls it.

use std::pin::Pin;
#[cfg(test)]
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use gauntlet_record::LimitKey;

use crate::Protections;
use crate::execute::nanos;

/// Marks that nobody is polling.
const IDLE: u64 = u64::MAX;
/// Marks a first poll, which no tick has met yet.
const FRESH: u64 = u64::MAX - 1;

/// Where wall time comes from: the system, or a test that does not want to wait for hours.
#[derive(Debug, Clone)]
enum Time {
    Real(Instant),
    #[cfg(test)]
    Played(Arc<AtomicU64>),
}

/// The clocks of a run, and the limits that stand on them. A session sets them back before each call.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    time: Time,
    deadline: Option<u64>,
    cpu_time: Option<u64>,
    /// When the run began, in the watch's own time.
    began: AtomicU64,
    /// CPU time of the polls that have ended.
    used: AtomicU64,
    /// The thread's CPU time when the present poll began, or a mark.
    poll: AtomicU64,
    /// When the first poll began, in the watch's own time.
    fresh: AtomicU64,
}

impl Stopwatch {
    /// A watch that runs since `start`.
    pub(crate) fn new(protections: &Protections, start: Instant) -> Self {
        Self {
            time: Time::Real(start),
            deadline: protections.limit(LimitKey::Deadline),
            cpu_time: protections.limit(LimitKey::CpuTime),
            began: AtomicU64::new(0),
            used: AtomicU64::new(0),
            poll: AtomicU64::new(IDLE),
            fresh: AtomicU64::new(IDLE),
        }
    }

    #[cfg(test)]
    pub(crate) fn played(protections: &Protections, time: Arc<AtomicU64>) -> Self {
        Self { time: Time::Played(time), ..Self::new(protections, Instant::now()) }
    }

    fn now(&self) -> u64 {
        match &self.time {
            Time::Real(start) => nanos(start.elapsed()),
            #[cfg(test)]
            Time::Played(time) => time.load(Ordering::Relaxed),
        }
    }

    /// Begins anew.
    pub(crate) fn restart(&self) {
        self.began.store(self.now(), Ordering::Relaxed);
        self.used.store(0, Ordering::Relaxed);
        self.fresh.store(IDLE, Ordering::Relaxed);
    }

    /// Wall time so far.
    pub(crate) fn elapsed(&self) -> u64 {
        self.now().saturating_sub(self.began.load(Ordering::Relaxed))
    }

    /// CPU time so far, of the thread or threads that polled.
    ///
    /// Reading a thread's CPU clock is a system call. Until the first tick finds a run computing, wall time stands for it, which is never
    /// less; most runs are over by then.
    pub(crate) fn cpu(&self) -> u64 {
        match self.poll.load(Ordering::Relaxed) {
            IDLE => self.used.load(Ordering::Relaxed),
            FRESH => {
                let wall = self.now().saturating_sub(self.fresh.load(Ordering::Relaxed));
                // From here on the thread's own clock counts.
                self.poll.store(thread_time(), Ordering::Relaxed);
                self.used.fetch_add(wall, Ordering::Relaxed).saturating_add(wall)
            }
            began => self.used.load(Ordering::Relaxed).saturating_add(thread_time().saturating_sub(began)),
        }
    }

    /// The first of the limits that has passed. Called on the thread that polls, or between polls.
    pub(crate) fn reached(&self) -> Option<LimitKey> {
        if self.late() {
            return Some(LimitKey::Deadline);
        }
        self.cpu_time.is_some_and(|limit| self.cpu() >= limit).then_some(LimitKey::CpuTime)
    }

    /// Whether the deadline alone has passed: a look that costs no system call.
    pub(crate) fn late(&self) -> bool {
        self.deadline.is_some_and(|deadline| self.elapsed() >= deadline)
    }

    /// Wall time that is left, if there is a deadline.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| Duration::from_nanos(deadline.saturating_sub(self.elapsed())))
    }

    fn enter(&self) {
        if self.fresh.load(Ordering::Relaxed) == IDLE {
            self.fresh.store(self.now(), Ordering::Relaxed);
            self.poll.store(FRESH, Ordering::Relaxed);
        } else {
            self.poll.store(thread_time(), Ordering::Relaxed);
        }
    }

    fn leave(&self) {
        let more = match self.poll.swap(IDLE, Ordering::Relaxed) {
            IDLE => return,
            FRESH => self.now().saturating_sub(self.fresh.load(Ordering::Relaxed)),
            began => thread_time().saturating_sub(began),
        };
        self.used.fetch_add(more, Ordering::Relaxed);
    }
}

/// CPU time of the calling thread, user and system, in nanoseconds.
fn thread_time() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let time = Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0));
    nanos(time)
}

/// A future whose polls are timed.
pub(crate) struct Timed<'a, F> {
    pub(crate) watch: &'a Stopwatch,
    pub(crate) future: F,
}

impl<F: Future + Unpin> Future for Timed<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.watch.enter();
        let polled = Pin::new(&mut self.future).poll(context);
        self.watch.leave();
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_played_watch_reaches_its_deadline_exactly_and_starts_anew() {
        let policy = gauntlet_policy::Policy::parse("t", "version: 1\nlimits: { deadline: 5h }\n").unwrap();
        let time = Arc::new(AtomicU64::new(7));
        let watch = Stopwatch::played(&Protections::of(&policy), Arc::clone(&time));
        watch.restart();
        let hours = 5 * 3_600_000_000_000;
        time.store(7 + hours - 1, Ordering::Relaxed);
        assert_eq!(watch.reached(), None);
        time.store(7 + hours, Ordering::Relaxed);
        assert_eq!(watch.reached(), Some(LimitKey::Deadline));
        watch.restart();
        assert_eq!(watch.reached(), None);
        assert_eq!(watch.left(), Some(Duration::from_nanos(hours)));
    }

    #[test]
    fn cpu_time_counts_only_while_somebody_polls() {
        let policy = gauntlet_policy::Policy::parse("t", "version: 1\n").unwrap();
        let watch = Stopwatch::new(&Protections::of(&policy), Instant::now());
        let spin = || {
            std::hint::black_box((0..200_000_u64).fold(0, |sum: u64, i| std::hint::black_box(sum ^ i)));
        };
        spin();
        assert_eq!(watch.cpu(), 0);
        // The first poll, met by a tick; then one that begins with the thread's clock.
        for _ in 0..2 {
            let before = watch.cpu();
            watch.enter();
            spin();
            let met = watch.cpu();
            assert!(met > before);
            spin();
            assert!(watch.cpu() > met);
            watch.leave();
            let used = watch.cpu();
            assert!(used > met);
            spin();
            assert_eq!(watch.cpu(), used);
        }
    }

    #[test]
    fn before_the_first_tick_wall_time_stands_for_cpu_time() {
        let policy = gauntlet_policy::Policy::parse("t", "version: 1\n").unwrap();
        let time = Arc::new(AtomicU64::new(100));
        let watch = Stopwatch::played(&Protections::of(&policy), Arc::clone(&time));
        watch.enter();
        time.store(150, Ordering::Relaxed);
        watch.leave();
        assert_eq!(watch.cpu(), 50);
    }
}
