//! Rates by key and by address: a bucket each, in the memory of this instance.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

/// Most addresses or keys that are remembered at once. Beyond it, whoever is not known yet is refused.
const MOST: usize = 100_000;
/// How often those that have nothing against them are forgotten.
const SWEEP: Duration = Duration::from_secs(1);

type Buckets<K> = RateLimiter<K, HashMapStateStore<K>, DefaultClock>;

/// Buckets of one size.
pub(crate) struct Rate<K: Hash + Eq + Clone> {
    buckets: Buckets<K>,
    swept: Mutex<Instant>,
}

impl<K: Hash + Eq + Clone> Rate<K> {
    /// So many a minute. A tenth of it, and at least ten, may come at once.
    pub(crate) fn per_minute(number: u32) -> Self {
        let number = NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let burst = NonZeroU32::new((number.get() / 10).max(10).min(number.get())).unwrap_or(NonZeroU32::MIN);
        Self {
            buckets: RateLimiter::hashmap_with_clock(
                Quota::per_minute(number).allow_burst(burst),
                DefaultClock::default(),
            ),
            swept: Mutex::new(Instant::now()),
        }
    }

    /// Takes one. If there is none: after how many seconds to come again.
    pub(crate) fn take(&self, key: &K) -> Result<(), u64> {
        if self.buckets.len() >= MOST && !self.sweep() {
            return Err(60);
        }
        self.buckets.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            wait.as_secs().saturating_add(1)
        })
    }

    /// Forgets who has nothing against them, and says whether there is room now.
    fn sweep(&self) -> bool {
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if swept.elapsed() >= SWEEP {
            self.buckets.retain_recent();
            *swept = Instant::now();
        }
        self.buckets.len() < MOST
    }
}

/// Buckets of several sizes: tenants may have rates of their own.
pub(crate) struct KeyRates(Mutex<BTreeMap<u32, Arc<Rate<String>>>>);

impl KeyRates {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
    }

    /// Takes one for a key with so many a minute.
    pub(crate) fn take(&self, key: &str, per_minute: u32) -> Result<(), u64> {
        let rate = {
            let mut rates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(rates.entry(per_minute).or_insert_with(|| Arc::new(Rate::per_minute(per_minute))))
        };
        rate.take(&key.to_owned())
    }
}

/// What counts as one address: of IPv6 the network that one customer has, since the rest is theirs to choose.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let bits = u128::from(address) & !(u128::from(u64::MAX));
            IpAddr::V6(bits.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_emptied_and_says_when_to_come_again() {
        let rate = Rate::per_minute(60);
        let taken = (0..100).filter(|_| rate.take(&"a").is_ok()).count();
        assert!((10..20).contains(&taken), "{taken}");
        let wait = rate.take(&"a").unwrap_err();
        assert!((1..=60).contains(&wait), "{wait}");
        assert!(rate.take(&"b").is_ok());
    }

    #[test]
    fn one_customer_of_ipv6_is_one_address() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
