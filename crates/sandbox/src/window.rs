//! Sums over a sliding window, in memory that does not grow with what is added.

use std::collections::VecDeque;
use std::time::Duration;

/// How many parts a window has. A part leaves as a whole, so what was added counts for the window and at most one part longer: sums err on
/// the side of too much, never of too little.
const PARTS: u64 = 16;

/// `N` sums over the same window.
#[derive(Debug, Clone)]
pub(crate) struct Window<const N: usize> {
    width: Duration,
    parts: VecDeque<(u64, [u64; N])>,
}

impl<const N: usize> Window<N> {
    pub(crate) fn new(width: Duration) -> Self {
        Self { width, parts: VecDeque::new() }
    }

    pub(crate) fn width(&self) -> Duration {
        self.width
    }

    /// Lengthens the window. What is in it counts as if it were new, since when it came is known only roughly.
    pub(crate) fn lengthen(&mut self, width: Duration, now: Duration) {
        if width > self.width {
            let sums = self.sums(now);
            *self = Self::new(width);
            self.add(now, sums);
        }
    }

    pub(crate) fn add(&mut self, now: Duration, amounts: [u64; N]) {
        self.expire(now);
        let index = self.index(now);
        match self.parts.back_mut() {
            Some((last, sums)) if *last >= index => add(sums, &amounts),
            _ => self.parts.push_back((index, amounts)),
        }
    }

    pub(crate) fn sums(&mut self, now: Duration) -> [u64; N] {
        self.expire(now);
        self.parts.iter().fold([0; N], |mut total, (_, sums)| {
            add(&mut total, sums);
            total
        })
    }

    /// Whether nothing is left in it.
    pub(crate) fn is_empty(&mut self, now: Duration) -> bool {
        self.expire(now);
        self.parts.is_empty()
    }

    fn index(&self, now: Duration) -> u64 {
        let part = (self.width.as_nanos() / u128::from(PARTS)).max(1);
        u64::try_from(now.as_nanos() / part).unwrap_or(u64::MAX)
    }

    fn expire(&mut self, now: Duration) {
        let index = self.index(now);
        while self.parts.front().is_some_and(|(first, _)| first.saturating_add(PARTS) < index) {
            self.parts.pop_front();
        }
    }
}

fn add<const N: usize>(sums: &mut [u64; N], amounts: &[u64; N]) {
    for (sum, amount) in sums.iter_mut().zip(amounts) {
        *sum = sum.saturating_add(*amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_was_added_counts_for_the_whole_window_and_no_more_than_a_part_longer() {
        let mut window = Window::<1>::new(16 * SECOND);
        window.add(SECOND * 3 / 2, [7]);
        assert_eq!(window.sums(SECOND * 35 / 2), [7], "just 16 seconds later");
        assert_eq!(window.sums(SECOND * 18), [0]);
        assert!(window.is_empty(SECOND * 18));
    }

    #[test]
    fn memory_stays_within_the_parts() {
        let mut window = Window::<2>::new(16 * SECOND);
        for i in 0..100_000 {
            window.add(Duration::from_millis(i * 10), [1, u64::MAX]);
        }
        assert!(window.parts.len() <= 17);
        assert_eq!(window.sums(Duration::from_millis(999_990))[1], u64::MAX, "sums saturate");
    }

    #[test]
    fn a_longer_window_forgets_nothing() {
        let mut window = Window::<1>::new(SECOND);
        window.add(SECOND, [3]);
        window.lengthen(60 * SECOND, SECOND);
        assert_eq!(window.sums(59 * SECOND), [3]);
        window.lengthen(SECOND, 59 * SECOND);
        assert_eq!(window.width(), 60 * SECOND);
    }

    #[test]
    fn an_empty_window_is_no_division_by_zero() {
        let mut window = Window::<1>::new(Duration::ZERO);
        window.add(Duration::MAX, [1]);
        assert_eq!(window.sums(Duration::MAX), [1]);
    }
}
