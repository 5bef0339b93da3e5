//! What the host does for one guest, counted in one place for both previews: host work, disk, network, and the use of each grant.
//!
//! Fuel counts the guest's own instructions and sees nothing of what a call costs the host. A call that may cost more than its
//! instructions is charged here, before it is done wherever its size is known by then. Counters only ever grow, but for a file that is
//! made shorter ([`crate::disk`]). Clones of the `Arc` around a meter share its counts: streams that work on after a call hold one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use gauntlet_policy::Access;
use gauntlet_policy::Policy;
use gauntlet_record::{Cause, LimitKey, Usage};
use gauntlet_target::GrantUse;

use crate::Protections;
use crate::disk::Disk;
use crate::execute::used;
use crate::host::Tally;
use crate::places::Places;

/// A limit that ended the run; carried as an error through the engine and found again by its type.
#[derive(Debug, thiserror::Error)]
#[error("the limit `{0}` was reached")]
pub(crate) struct Reached(pub(crate) LimitKey);

/// A denial that ended the run, because the policy says `on-denial: trap`; carried and found like [`Reached`].
#[derive(Debug, thiserror::Error)]
#[error("denied: {0}")]
pub(crate) struct Denied(pub(crate) Cause);

/// Declares the charges for host work: kind of call, bytes for each call, bytes for each thing that it works through, and why.
macro_rules! charges {
    ($($kind:ident: $call:literal, $each:literal, $why:literal;)*) => {
        /// A kind of host call.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Work { $(#[doc = $why] $kind,)* }

        impl Work {
            /// Every kind.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// Bytes charged for the call itself.
            pub(crate) const fn call(self) -> u64 {
                match self { $(Self::$kind => $call,)* }
            }

            /// Bytes charged for each thing that the call works through: a byte, an entry, a subscription.
            pub(crate) const fn each(self) -> u64 {
                match self { $(Self::$kind => $each,)* }
            }
        }
    };
}

// A byte of charge stands for up to about five nanoseconds of the host's CPU time on a core of 2.1 GHz: making a random byte takes 4.2 ns,
// reading a clock 165 ns. A call on a file takes more, 10 to 20 us, since it crosses to a thread and back; it is charged less than its time,
// so that the budget holds amplifiers and leaves honest work with files to the limit on CPU time.
charges! {
    Call: 16, 1, "looking something up that the host holds in memory";
    Clock: 32, 1, "reading a clock is a call to the kernel's page or to the kernel";
    Arguments: 64, 1, "arguments and variables are copied whole at each call";
    Random: 64, 1, "each byte is made, then copied";
    Output: 64, 1, "each byte is copied, and written on";
    Input: 64, 1, "each byte is copied";
    File: 256, 1, "a call on an open file crosses to a thread and to the kernel";
    Path: 1024, 1, "a path is walked piece by piece, each piece a call to the kernel";
    Sync: 65_536, 0, "the disk is waited for";
    Directory: 4096, 2048, "the engine reads a directory whole at each call, and looks at each entry by name";
    Poll: 256, 256, "each subscription is a future that is made, waited for and dropped";
    Buffers: 0, 8, "a list of buffers is read to the first that is not empty";
    Socket: 1024, 1, "a call on a socket goes to the kernel";
    Network: 256, 1, "each byte is copied to or from the kernel";
    Lookup: 65_536, 1, "a name is looked up in a thread, and on the network";
}

/// Most places that are named of all grants together: a policy may have very many, and an outcome has to stay small.
const MAX_PLACES_OF_ALL: u64 = 4_096;

/// A count with a ceiling.
#[derive(Debug)]
pub(crate) struct Counter {
    used: AtomicU64,
    cap: Option<u64>,
}

impl Counter {
    fn new(cap: Option<u64>) -> Self {
        Self { used: AtomicU64::new(0), cap }
    }

    /// Takes so much, or nothing if that would pass the ceiling.
    fn take(&self, amount: u64) -> bool {
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            let wanted = used.saturating_add(amount);
            self.cap.is_none_or(|cap| wanted <= cap).then_some(wanted)
        });
        taken.is_ok()
    }

    fn left(&self) -> u64 {
        self.cap.map_or(u64::MAX, |cap| cap.saturating_sub(self.used.load(Ordering::Relaxed)))
    }

    fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

/// How a grant was used.
#[derive(Debug, Default)]
struct GrantCount {
    name: String,
    calls: AtomicU64,
    read: AtomicU64,
    written: AtomicU64,
    opened: AtomicU64,
    tries: AtomicU64,
    places: Mutex<Places>,
}

/// A grant, by its place in the meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GrantIndex(usize);

impl GrantIndex {
    pub(crate) const STDIN: Self = Self(0);
    pub(crate) const STDOUT: Self = Self(1);
    pub(crate) const STDERR: Self = Self(2);
    pub(crate) const RANDOM: Self = Self(3);
    pub(crate) const CLOCK: Self = Self(4);
    pub(crate) const ENVIRONMENT: Self = Self(5);
    pub(crate) const ARGUMENTS: Self = Self(6);
    /// How many grants every policy has.
    const FIXED: usize = 7;

    /// A file grant, by its place in the policy.
    pub(crate) const fn file(place: usize) -> Self {
        Self(Self::FIXED + place)
    }
}

/// Everything that is counted of one run.
#[derive(Debug)]
pub(crate) struct Meter {
    work: Counter,
    network_bytes: Counter,
    connections: Counter,
    ports: Counter,
    pub(crate) disk: Disk,
    grants: Vec<GrantCount>,
    /// How many places are named, of all grants together.
    places: AtomicU64,
    /// How many of the grants are directories; those of the network come after them.
    files: usize,
    /// In which of the directories the kernel counts bytes and names: in scratch directories, unless there are other ones to write to,
    /// whose sum with these is ours to keep.
    scratch: Vec<bool>,
    pub(crate) tally: Tally,
}

impl Meter {
    pub(crate) fn new(policy: &Policy, protections: &Protections, tally: Tally) -> Arc<Self> {
        let fixed = ["stdin", "stdout", "stderr", "random", "clock", "environment", "arguments"];
        let fixed = fixed.into_iter().map(str::to_owned);
        let files = policy.grants.filesystem.iter().map(|grant| grant.guest.value.clone());
        let network = policy.grants.network.iter().map(|grant| grant.address.value.clone());
        let grants =
            fixed.chain(files).chain(network).map(|name| GrantCount { name, ..GrantCount::default() }).collect();
        let counter = |key| Counter::new(protections.limit(key));
        Arc::new(Self {
            work: counter(LimitKey::HostWork),
            network_bytes: counter(LimitKey::NetworkBytes),
            connections: counter(LimitKey::Connections),
            ports: counter(LimitKey::Ports),
            disk: Disk::new(protections.limit(LimitKey::Disk), protections.limit(LimitKey::Files), tally.clone()),
            grants,
            places: AtomicU64::new(0),
            files: policy.grants.filesystem.len(),
            scratch: {
                let granted = policy.grants.filesystem.iter().map(|grant| grant.access.value);
                let alone = !granted.clone().any(|access| access == Access::ReadWrite);
                granted.map(|access| access == Access::Scratch && alone).collect()
            },
            tally,
        })
    }

    /// Whether what is written in a directory is the kernel's to count.
    pub(crate) fn is_scratch(&self, grant: GrantIndex) -> bool {
        grant.0.checked_sub(GrantIndex::FIXED).and_then(|place| self.scratch.get(place)).copied().unwrap_or(false)
    }

    /// Counts that a file system of the guest's own was full: of names where one was to be made, of bytes otherwise.
    pub(crate) fn scratch_full(&self, what: &'static str, names: bool, asked: impl FnOnce() -> String) {
        let key = if names { LimitKey::Files } else { LimitKey::Disk };
        self.tally.deny(Cause::Limit(key), what, asked, self.disk.limit(key));
    }

    /// Charges a call and the things that it works through. The run ends where that passes the limit: a budget for what the host does
    /// is no use if asking for more of it is free.
    ///
    /// # Errors
    ///
    /// [`Reached`], if the budget does not hold it; then nothing may be done.
    pub(crate) fn work(&self, kind: Work, what: &'static str, things: u64) -> wasmtime::Result<()> {
        let amount = kind.call().saturating_add(kind.each().saturating_mul(things));
        if self.work.take(amount) {
            return Ok(());
        }
        self.tally.deny(Cause::Limit(LimitKey::HostWork), what, || things.to_string(), self.work.cap);
        Err(Reached(LimitKey::HostWork).into())
    }

    /// Ends the run for a call that is more than any budget holds, if there is one.
    ///
    /// # Errors
    ///
    /// [`Reached`], where host work is limited at all.
    pub(crate) fn too_much(&self, what: &'static str, things: u64) -> wasmtime::Result<()> {
        if self.work.cap.is_none() {
            return Ok(());
        }
        self.tally.deny(Cause::Limit(LimitKey::HostWork), what, || things.to_string(), self.work.cap);
        Err(Reached(LimitKey::HostWork).into())
    }

    /// Charges what a function of the embedder's does, in bytes.
    ///
    /// # Errors
    ///
    /// What would have been used, and the limit that does not hold it.
    pub(crate) fn custom(&self, what: &'static str, bytes: u64) -> Result<(), (u64, u64)> {
        if self.work.take(bytes) {
            return Ok(());
        }
        let wanted = self.work.used().saturating_add(bytes);
        self.tally.deny(Cause::Limit(LimitKey::HostWork), what, || wanted.to_string(), self.work.cap);
        Err((wanted, self.work.cap.unwrap_or(u64::MAX)))
    }

    /// How many things a call may still work through.
    pub(crate) fn work_left(&self, kind: Work) -> u64 {
        self.work.left().saturating_sub(kind.call()) / kind.each().max(1)
    }

    /// Takes network bytes, or counts the denial.
    pub(crate) fn network(&self, what: &'static str, bytes: u64) -> bool {
        self.take(&self.network_bytes, LimitKey::NetworkBytes, what, bytes)
    }

    /// How many bytes may still cross the network.
    pub(crate) fn network_left(&self) -> u64 {
        self.network_bytes.left()
    }

    /// Takes a connection, tried or made, or counts the denial.
    pub(crate) fn connection(&self, what: &'static str) -> bool {
        self.take(&self.connections, LimitKey::Connections, what, 1)
    }

    /// Takes a local port, or counts the denial.
    pub(crate) fn port(&self, what: &'static str) -> bool {
        self.take(&self.ports, LimitKey::Ports, what, 1)
    }

    fn take(&self, counter: &Counter, key: LimitKey, what: &'static str, amount: u64) -> bool {
        let taken = counter.take(amount);
        if !taken {
            self.tally.deny(Cause::Limit(key), what, || counter.used().saturating_add(amount).to_string(), counter.cap);
        }
        taken
    }

    /// The network grant at a place in the policy.
    pub(crate) const fn network_grant(&self, place: usize) -> GrantIndex {
        GrantIndex(GrantIndex::FIXED + self.files + place)
    }

    /// Counts a call under a grant, with the bytes that it moved.
    pub(crate) fn moved(&self, grant: GrantIndex, read: u64, written: u64) {
        if let Some(count) = self.grants.get(grant.0) {
            count.calls.fetch_add(1, Ordering::Relaxed);
            count.read.fetch_add(read, Ordering::Relaxed);
            count.written.fetch_add(written, Ordering::Relaxed);
        }
    }

    /// Counts a file that was opened under a grant.
    pub(crate) fn file_opened(&self, grant: GrantIndex) {
        if let Some(count) = self.grants.get(grant.0) {
            count.opened.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a try to reach an address of a grant.
    pub(crate) fn tried(&self, grant: GrantIndex, address: &str) {
        if let Some(count) = self.grants.get(grant.0) {
            count.tries.fetch_add(1, Ordering::Relaxed);
        }
        self.place(grant, address, false, false);
    }

    /// Notes which place beneath a grant was used.
    pub(crate) fn place(&self, grant: GrantIndex, name: &str, changed: bool, directory: bool) {
        if let Some(count) = self.grants.get(grant.0) {
            let room = self.places.load(Ordering::Relaxed) < MAX_PLACES_OF_ALL;
            let mut places = count.places.lock().unwrap_or_else(PoisonError::into_inner);
            if places.note(name, changed, directory, room) {
                self.places.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// What was used of each limit that is counted here.
    pub(crate) fn usage(&self) -> Vec<Usage> {
        vec![
            used(LimitKey::HostWork, self.work.used()),
            used(LimitKey::Disk, self.disk.most()),
            used(LimitKey::Files, self.disk.files()),
            used(LimitKey::Connections, self.connections.used()),
            used(LimitKey::NetworkBytes, self.network_bytes.used()),
            used(LimitKey::Ports, self.ports.used()),
        ]
    }

    /// What was used of each grant.
    pub(crate) fn grants(&self) -> Vec<GrantUse> {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        self.grants
            .iter()
            .map(|count| {
                let mut grant = GrantUse::new(&count.name);
                grant.calls = of(&count.calls);
                grant.bytes_read = of(&count.read);
                grant.bytes_written = of(&count.written);
                grant.files_opened = of(&count.opened);
                grant.network_tries = of(&count.tries);
                grant.places = count.places.lock().unwrap_or_else(PoisonError::into_inner).list();
                grant
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(limits: &str) -> Arc<Meter> {
        let policy = Policy::parse("t", &format!("version: 1\nlimits: {{ {limits} }}\n")).unwrap();
        Meter::new(&policy, &Protections::of(&policy), Tally::default())
    }

    #[test]
    fn work_is_charged_up_to_the_budget_and_not_beyond() {
        let meter = meter("host-work: 1KiB");
        assert!(meter.work(Work::Random, "random_get", 960).is_ok());
        let error = meter.work(Work::Call, "args_sizes_get", 0).unwrap_err();
        assert_eq!(error.downcast_ref::<Reached>().unwrap().0, LimitKey::HostWork);
        assert_eq!(meter.usage()[0].used, Some(1024));
        assert_eq!(meter.tally.denials()[0].cause, Cause::Limit(LimitKey::HostWork));
    }

    #[test]
    fn a_charge_that_overflows_is_refused() {
        let meter = meter("host-work: 64MiB");
        for kind in Work::ALL.iter().filter(|kind| kind.each() > 0) {
            assert!(meter.work(*kind, "t", u64::MAX).is_err(), "{kind:?}");
        }
        assert_eq!(meter.usage()[0].used, Some(0));
    }

    #[test]
    fn no_call_is_free() {
        for kind in Work::ALL {
            assert!(kind.call() > 0 || kind.each() > 0, "{kind:?}");
        }
    }

    #[test]
    fn connections_and_bytes_are_counted_apart() {
        let meter = meter("connections: 1, network-bytes: 10B, ports: 0");
        assert!(meter.connection("connect") && !meter.connection("connect"));
        assert!(meter.network("send", 10) && !meter.network("send", 1));
        assert!(!meter.port("bind"));
        let causes: Vec<Cause> = meter.tally.denials().iter().map(|denial| denial.cause).collect();
        assert_eq!(causes, [LimitKey::Connections, LimitKey::NetworkBytes, LimitKey::Ports].map(Cause::Limit));
    }
}
