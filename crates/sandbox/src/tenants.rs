//! Tenants: budgets over time, and quarantine.
//!
//! A policy's `per-tenant` says how much one tenant may use within `window`: `runs` and `cpu-time` and `network-bytes` and `disk` as sums
//! over the window, `concurrent` and `memory` as sums over what runs now. [`Tenants::admit`] is asked before each run and answers with an
//! [`Admission`] or with a typed refusal.
//!
//! An admitted run reserves what its policy lets it use at most, so the runs of one tenant together cannot pass its budget, however many
//! start at once. Where less than that is left, the run is admitted with what is left and [`Admission::tighten`] gives the policy that
//! holds it there. At its end the run is booked with what was measured; what nobody measured is booked as if it had used all that was
//! reserved.
//!
//! The books are in memory only: a restart begins new ones. They are bounded, too: see [`TenantRules::most_tenants`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gauntlet_policy::{Access, Limit, Policy, Span};
use gauntlet_record::{Cause, Ending, GuestText, LimitKey, Severity, Unit};
use gauntlet_target::Outcome;
use serde::{Deserialize, Serialize};

use crate::clock::{Clock, SystemClock};
use crate::events::{EventKind, SecurityEvent};
use crate::threat::{Counts, ThreatSummary};
use crate::window::Window;

/// The window of a policy that names budgets and no window: one hour.
pub const DEFAULT_WINDOW: Duration = Duration::from_secs(3600);
/// Less memory than this is none: a page of wasm.
const LEAST_MEMORY: u64 = 64 << 10;

/// Who submits guests. Cheap to clone.
///
/// A tenant is known by the SHA-256 digest of its name; the name itself is kept escaped and cut, since tenants often choose it themselves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tenant {
    digest: Arc<str>,
    name: Arc<str>,
}

impl Tenant {
    /// The tenant of a name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let digest = gauntlet_record::digest(name.as_bytes()).into();
        Self { digest, name: GuestText::name(name).as_str().into() }
    }

    /// The tenant of whom only the digest of the name is known, as [`Tenant::sha256`] gives it. Its name is the digest.
    pub(crate) fn known_by(sha256: &str) -> Self {
        Self { digest: sha256.into(), name: GuestText::name(sha256).as_str().into() }
    }

    /// The name, escaped to one printable line and cut.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of the name, in hex: safe where a name is not.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.digest
    }
}

impl Default for Tenant {
    /// The tenant of whoever has only one.
    fn default() -> Self {
        Self::new("default")
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

/// Something that a tenant has a budget of, by its key under `per-tenant:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Budget {
    /// Runs started within the window.
    Runs,
    /// Runs at once.
    Concurrent,
    /// CPU time within the window, in nanoseconds.
    CpuTime,
    /// The memory limits of what runs at once, in bytes.
    Memory,
    /// Bytes written to disk within the window.
    Disk,
    /// Network bytes within the window, both ways.
    NetworkBytes,
}

impl Budget {
    /// Every budget, in the policy's order.
    pub const ALL: &'static [Self] =
        &[Self::Runs, Self::Concurrent, Self::CpuTime, Self::Memory, Self::Disk, Self::NetworkBytes];

    /// The key under `per-tenant:`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Concurrent => "concurrent",
            Self::CpuTime => "cpu-time",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::NetworkBytes => "network-bytes",
        }
    }

    /// What its number counts.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::Runs | Self::Concurrent => Unit::Count,
            Self::CpuTime => Unit::Time,
            Self::Memory | Self::Disk | Self::NetworkBytes => Unit::Bytes,
        }
    }

    /// The limit of one run that this budget is reserved by.
    const fn limit(self) -> Option<LimitKey> {
        match self {
            Self::Runs | Self::Concurrent => None,
            Self::CpuTime => Some(LimitKey::CpuTime),
            Self::Memory => Some(LimitKey::Memory),
            Self::Disk => Some(LimitKey::Disk),
            Self::NetworkBytes => Some(LimitKey::NetworkBytes),
        }
    }

    /// The number that a policy gives for it.
    fn named(self, policy: &Policy) -> Option<u64> {
        per_tenant(policy, self.as_str())
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

fn per_tenant(policy: &Policy, key: &str) -> Option<u64> {
    policy.per_tenant.named.iter().find(|(named, _)| named.value == key).map(|(_, number)| *number)
}

/// Amounts by budget, in the order of [`Budget::ALL`].
type Amounts = [u64; Budget::ALL.len()];

fn amount(amounts: &Amounts, budget: Budget) -> u64 {
    amounts.get(budget as usize).copied().unwrap_or(0)
}

/// How [`Tenants`] keeps its books.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TenantRules {
    /// How many critical events within the window put a tenant in quarantine until somebody releases it; `None`: no automatic quarantine.
    /// Default: 3.
    pub critical_events: Option<u64>,
    /// How many tenants are remembered. When all of them have used something within their window, run something or are in quarantine, a
    /// further one is refused: forgetting one would give it a fresh budget. Default: 10 000.
    pub most_tenants: usize,
}

impl Default for TenantRules {
    fn default() -> Self {
        Self { critical_events: Some(3), most_tenants: 10_000 }
    }
}

impl TenantRules {
    /// Sets how many critical events within the window lead to quarantine.
    #[must_use]
    pub fn critical_events(mut self, events: Option<u64>) -> Self {
        self.critical_events = events;
        self
    }

    /// Sets how many tenants are remembered.
    #[must_use]
    pub fn most_tenants(mut self, tenants: usize) -> Self {
        self.most_tenants = tenants;
        self
    }
}

/// Why a tenant's run was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RefusedWhy {
    /// The tenant is in quarantine.
    Quarantined {
        /// Why, in the words of whoever ordered it.
        reason: String,
    },
    /// A budget is used up.
    Spent {
        /// Which.
        budget: Budget,
        /// What is used of it or reserved by what runs.
        used: u64,
        /// The budget, in its own unit.
        limit: u64,
        /// The window, in nanoseconds.
        window: u64,
    },
    /// There are more tenants with something in their books than are remembered.
    TooManyTenants,
    /// The queue is full.
    QueueFull {
        /// Whether it is only this tenant's share of it.
        own_share: bool,
    },
    /// It waited for a lane for as long as it may.
    WaitedTooLong {
        /// How long, in nanoseconds.
        waited: u64,
    },
}

/// A run that was not admitted. Nothing was read of the guest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tenant `{tenant}` is refused: {why}")]
#[non_exhaustive]
pub struct Refused {
    /// Whose run.
    pub tenant: Tenant,
    /// Why.
    pub why: RefusedWhy,
    /// How many runs of this tenant were refused since it was last admitted, this one included; of all tenants that are not remembered
    /// together, where that is why.
    pub count: u64,
}

impl fmt::Display for RefusedWhy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quarantined { reason } => write!(f, "in quarantine ({reason})"),
            Self::Spent { budget, used, limit, window } => {
                let show = |number| budget.unit().show(number);
                write!(f, "{} of {} {budget} are used", show(*used), show(*limit))?;
                match budget {
                    Budget::Concurrent | Budget::Memory => Ok(()),
                    Budget::Runs | Budget::CpuTime | Budget::Disk | Budget::NetworkBytes => {
                        write!(f, " within {}", Unit::Time.show(*window))
                    }
                }
            }
            Self::TooManyTenants => f.write_str("too many tenants are active"),
            Self::QueueFull { own_share: true } => f.write_str("its share of the queue is full"),
            Self::QueueFull { own_share: false } => f.write_str("the queue is full"),
            Self::WaitedTooLong { waited } => write!(f, "no lane was free within {}", Unit::Time.show(*waited)),
        }
    }
}

impl Refused {
    /// The refusal as an outcome, with the cause `refused-tenant`.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        Outcome::refused(Cause::RefusedTenant, self.why.to_string())
    }
}

/// What a tenant has used, as far as the books go back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TenantUsage {
    /// The window that the sums are over, in nanoseconds.
    pub window: u64,
    /// Runs admitted within the window.
    pub runs: u64,
    /// Runs now.
    pub concurrent: u64,
    /// CPU time within the window, in nanoseconds.
    pub cpu_time: u64,
    /// Memory that is reserved by what runs now, in bytes.
    pub memory: u64,
    /// Bytes written to disk within the window.
    pub disk: u64,
    /// Network bytes within the window.
    pub network_bytes: u64,
    /// Runs within the window of which something was not measured and is booked as reserved.
    pub assumed: u64,
    /// Runs within the window that were admitted and never reported their end.
    pub lost: u64,
    /// Runs refused since the tenant was last admitted.
    pub refused: u64,
    /// Why the tenant is in quarantine, if it is.
    pub quarantine: Option<String>,
    /// The threat summary of the window.
    pub threat: ThreatSummary,
}

/// The books of all tenants. Clones share them.
#[derive(Clone)]
pub struct Tenants {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    rules: TenantRules,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    tenants: BTreeMap<Tenant, Book>,
    /// When it is worth looking again for tenants that can be forgotten.
    next_sweep: Duration,
    /// How many runs of tenants without a book were refused since there was room for one.
    turned_away: u64,
}

/// One tenant's book.
struct Book {
    /// Sums over the window by budget; those of what runs now stay zero here.
    spent: Window<{ Budget::ALL.len() }>,
    /// Runs within the window that were booked as reserved, and that were lost.
    assumed: Window<2>,
    events: Window<{ EventKind::ALL.len() }>,
    /// What runs now, and what it has reserved.
    held: Amounts,
    quarantine: Option<String>,
    refused: u64,
}

impl Book {
    fn new(window: Duration) -> Self {
        Self {
            spent: Window::new(window),
            assumed: Window::new(window),
            events: Window::new(window),
            held: [0; Budget::ALL.len()],
            quarantine: None,
            refused: 0,
        }
    }

    fn lengthen(&mut self, window: Duration, now: Duration) {
        self.spent.lengthen(window, now);
        self.assumed.lengthen(window, now);
        self.events.lengthen(window, now);
    }

    fn give_back(&mut self, reserved: &Amounts) {
        for (held, amount) in self.held.iter_mut().zip(reserved) {
            *held = held.saturating_sub(*amount);
        }
    }

    fn threat(&mut self, now: Duration) -> ThreatSummary {
        ThreatSummary::counted(&Counts(self.events.sums(now)))
    }

    /// Whether it says nothing that a new one would not.
    fn is_blank(&mut self, now: Duration) -> bool {
        self.quarantine.is_none()
            && amount(&self.held, Budget::Concurrent) == 0
            && self.spent.is_empty(now)
            && self.assumed.is_empty(now)
            && self.events.is_empty(now)
    }
}

impl Default for Tenants {
    fn default() -> Self {
        Self::new(TenantRules::default())
    }
}

impl fmt::Debug for Tenants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenants").field("rules", &self.shared.rules).finish_non_exhaustive()
    }
}

impl Tenants {
    /// New books on the system's clock.
    #[must_use]
    pub fn new(rules: TenantRules) -> Self {
        Self::with_clock(rules, Arc::new(SystemClock::default()))
    }

    /// New books on a clock of the caller's.
    #[must_use]
    pub fn with_clock(rules: TenantRules, clock: Arc<dyn Clock>) -> Self {
        Self { shared: Arc::new(Shared { clock, rules, books: Mutex::default() }) }
    }

    /// Asks whether a tenant may run something under a policy now, and reserves what it may use.
    ///
    /// A policy without `per-tenant` admits every tenant that is not in quarantine. Where the policies of one tenant name different
    /// windows, the longest holds.
    ///
    /// # Errors
    ///
    /// If the tenant is in quarantine, one of its budgets is used up, or too many tenants are active.
    pub fn admit(&self, tenant: &Tenant, policy: &Policy) -> Result<Admission, Refused> {
        let now = self.shared.clock.monotonic();
        let mut books = self.shared.lock();
        let window = per_tenant(policy, "window").map_or(DEFAULT_WINDOW, Duration::from_nanos);
        let Some(book) = books.open(tenant, window, now, &self.shared.rules) else {
            books.turned_away = books.turned_away.saturating_add(1);
            let count = books.turned_away;
            return Err(Refused { tenant: tenant.clone(), why: RefusedWhy::TooManyTenants, count });
        };
        match book.reserve(policy, now) {
            Ok(reserved) => {
                book.refused = 0;
                Ok(Admission { shared: Arc::clone(&self.shared), tenant: tenant.clone(), reserved, open: true })
            }
            Err(why) => {
                book.refused = book.refused.saturating_add(1);
                Err(Refused { tenant: tenant.clone(), why, count: book.refused })
            }
        }
    }

    /// Puts a tenant in quarantine: nothing of it is admitted until [`Tenants::release`]. What runs goes on to its end.
    pub fn quarantine(&self, tenant: &Tenant, reason: &str) {
        let now = self.shared.clock.monotonic();
        let mut books = self.shared.lock();
        // Quarantine is kept even where there is no room for more tenants: it is ordered, not asked for.
        let book = books.tenants.entry(tenant.clone()).or_insert_with(|| Book::new(DEFAULT_WINDOW));
        book.events.add(now, [0; EventKind::ALL.len()]);
        book.quarantine = Some(GuestText::name(reason).as_str().to_owned());
    }

    /// Ends a quarantine and forgets the events that led to it. Says whether there was one.
    pub fn release(&self, tenant: &Tenant) -> bool {
        let mut books = self.shared.lock();
        let Some(book) = books.tenants.get_mut(tenant) else { return false };
        book.events = Window::new(book.events.width());
        book.quarantine.take().is_some()
    }

    /// Why a tenant is in quarantine; `None` if it is not.
    #[must_use]
    pub fn quarantined(&self, tenant: &Tenant) -> Option<String> {
        self.shared.lock().tenants.get(tenant).and_then(|book| book.quarantine.clone())
    }

    /// What a tenant has used; `None` if the books say nothing of it.
    #[must_use]
    pub fn usage(&self, tenant: &Tenant) -> Option<TenantUsage> {
        let now = self.shared.clock.monotonic();
        let mut books = self.shared.lock();
        let book = books.tenants.get_mut(tenant)?;
        let spent = book.spent.sums(now);
        let [assumed, lost] = book.assumed.sums(now);
        Some(TenantUsage {
            window: u64::try_from(book.spent.width().as_nanos()).unwrap_or(u64::MAX),
            runs: amount(&spent, Budget::Runs),
            concurrent: amount(&book.held, Budget::Concurrent),
            cpu_time: amount(&spent, Budget::CpuTime),
            memory: amount(&book.held, Budget::Memory),
            disk: amount(&spent, Budget::Disk),
            network_bytes: amount(&spent, Budget::NetworkBytes),
            assumed,
            lost,
            refused: book.refused,
            quarantine: book.quarantine.clone(),
            threat: book.threat(now),
        })
    }

    /// How many tenants the books know.
    #[must_use]
    pub fn known(&self) -> usize {
        self.shared.lock().tenants.len()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    /// The book of a tenant, a new one if there is room.
    fn open(&mut self, tenant: &Tenant, window: Duration, now: Duration, rules: &TenantRules) -> Option<&mut Book> {
        if !self.tenants.contains_key(tenant) && self.tenants.len() >= rules.most_tenants {
            if now < self.next_sweep {
                return None;
            }
            self.tenants.retain(|_, book| !book.is_blank(now));
            // Looking at every book for each of many refusals would be work that a stranger can ask for.
            self.next_sweep = now.saturating_add(Duration::from_secs(1));
            if self.tenants.len() >= rules.most_tenants {
                return None;
            }
            self.turned_away = 0;
        }
        let book = self.tenants.entry(tenant.clone()).or_insert_with(|| Book::new(window));
        book.lengthen(window, now);
        Some(book)
    }
}

impl Book {
    /// Books the start of a run and what it may use at most.
    fn reserve(&mut self, policy: &Policy, now: Duration) -> Result<Reserved, RefusedWhy> {
        if let Some(reason) = &self.quarantine {
            return Err(RefusedWhy::Quarantined { reason: reason.clone() });
        }
        let window = u64::try_from(self.spent.width().as_nanos()).unwrap_or(u64::MAX);
        let spent = self.spent.sums(now);
        let mut reserved = Reserved::default();
        for (slot, budget) in reserved.amounts.iter_mut().zip(Budget::ALL.iter().copied()) {
            let Some(limit) = budget.named(policy) else {
                *slot = u64::from(budget == Budget::Concurrent);
                continue;
            };
            let used = amount(&spent, budget).saturating_add(amount(&self.held, budget));
            let left = limit.saturating_sub(used);
            let wanted = match budget.limit() {
                None => 1,
                Some(key) if can_use(budget, policy) => most(policy, key),
                Some(_) => 0,
            };
            let least = if budget == Budget::Memory { LEAST_MEMORY.min(wanted) } else { wanted.min(1) };
            if left < least {
                return Err(RefusedWhy::Spent { budget, used, limit, window });
            }
            *slot = wanted.min(left);
            if let (Some(key), true) = (budget.limit(), wanted > left) {
                reserved.tightened.push((key, left));
            }
        }
        // The run itself is spent at once; a tenant that starts runs and never ends them gets no further.
        let mut started = [0; Budget::ALL.len()];
        started[Budget::Runs as usize] = 1;
        reserved.amounts[Budget::Runs as usize] = 0;
        self.spent.add(now, started);
        for (held, amount) in self.held.iter_mut().zip(reserved.amounts) {
            *held = held.saturating_add(amount);
        }
        Ok(reserved)
    }
}

/// The most that one run under this policy may use of a resource.
fn most(policy: &Policy, key: LimitKey) -> u64 {
    // The host's memory is looked up only where a share of it was asked for.
    let host_memory = if matches!(policy.limits.get(key), Limit::Share(..)) { crate::host_memory() } else { 0 };
    policy.limits.resolve(key, host_memory).unwrap_or(u64::MAX)
}

/// Whether a run under this policy can use any of what a budget counts.
fn can_use(budget: Budget, policy: &Policy) -> bool {
    match budget {
        Budget::Disk => policy.grants.filesystem.iter().any(|grant| match grant.access.value {
            Access::ReadOnly => false,
            Access::ReadWrite | Access::Scratch => true,
        }),
        Budget::NetworkBytes => !policy.grants.network.is_empty(),
        Budget::Runs | Budget::Concurrent | Budget::CpuTime | Budget::Memory => true,
    }
}

/// What a run has reserved.
#[derive(Debug, Clone, Default)]
struct Reserved {
    amounts: Amounts,
    /// Limits that are lower than the policy's, because less is left.
    tightened: Vec<(LimitKey, u64)>,
}

/// A run that was admitted. Dropping it without [`Admission::ended`] books the run as lost, with all that it had reserved.
#[must_use = "dropping an admission books the run as lost"]
pub struct Admission {
    shared: Arc<Shared>,
    tenant: Tenant,
    reserved: Reserved,
    open: bool,
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("tenant", &self.tenant)
            .field("reserved", &self.reserved)
            .finish_non_exhaustive()
    }
}

impl Admission {
    /// Whose run it is.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The policy that holds the run to what its tenant has left; `None` if the policy itself does.
    #[must_use]
    pub fn tighten(&self, policy: &Policy) -> Option<Policy> {
        if self.reserved.tightened.is_empty() {
            return None;
        }
        let mut tightened = policy.clone();
        for (key, left) in &self.reserved.tightened {
            tightened.limits.set(*key, Limit::At(*left, Span::default()));
        }
        Some(tightened)
    }

    /// Books what the run has used and what it did. Says why the tenant is now in quarantine, if this run brought it there.
    pub fn ended(mut self, outcome: &Outcome, events: &[SecurityEvent]) -> Option<String> {
        self.open = false;
        self.close(Some(outcome), events)
    }

    /// Gives back what was reserved, because nothing of the guest was read. That it was submitted stays counted.
    pub fn cancelled(mut self) {
        self.open = false;
        let mut books = self.shared.lock();
        if let Some(book) = books.tenants.get_mut(&self.tenant) {
            book.give_back(&self.reserved.amounts);
        }
    }

    fn close(&self, outcome: Option<&Outcome>, events: &[SecurityEvent]) -> Option<String> {
        let now = self.shared.clock.monotonic();
        let mut books = self.shared.lock();
        let book = books.tenants.get_mut(&self.tenant)?;
        book.give_back(&self.reserved.amounts);
        let mut booked = [0; Budget::ALL.len()];
        let mut assumed = false;
        for budget in Budget::ALL.iter().copied() {
            let reserved = amount(&self.reserved.amounts, budget);
            let over_time = match budget {
                Budget::CpuTime | Budget::Disk | Budget::NetworkBytes => true,
                Budget::Runs | Budget::Concurrent | Budget::Memory => false,
            };
            if let (true, Some(key), Some(slot)) = (over_time, budget.limit(), booked.get_mut(budget as usize)) {
                *slot = match outcome.and_then(|outcome| measured(outcome, key)) {
                    Some(used) => used,
                    None => {
                        assumed |= reserved > 0;
                        outcome.map_or(reserved, |outcome| at_most(outcome, key, reserved))
                    }
                };
            }
        }
        book.spent.add(now, booked);
        book.assumed.add(now, [u64::from(assumed), u64::from(outcome.is_none())]);
        let mut counts = Counts::default();
        for event in events {
            counts.add(event.kind);
        }
        book.events.add(now, counts.0);
        let sums = book.events.sums(now);
        let critical = EventKind::ALL
            .iter()
            .zip(sums)
            .filter(|(kind, _)| kind.severity() == Severity::Critical)
            .fold(0_u64, |total, (_, count)| total.saturating_add(count));
        if book.quarantine.is_none()
            && let Some(most) = self.shared.rules.critical_events
            && critical >= most
            && critical > 0
        {
            let reason = format!("{critical} critical events within {}", Unit::Time.show(window_nanos(&book.events)));
            book.quarantine = Some(reason.clone());
            return Some(reason);
        }
        None
    }
}

fn window_nanos<const N: usize>(window: &Window<N>) -> u64 {
    u64::try_from(window.width().as_nanos()).unwrap_or(u64::MAX)
}

impl Drop for Admission {
    fn drop(&mut self) {
        if self.open {
            self.close(None, &[]);
        }
    }
}

/// What the executor counted of a resource.
pub(crate) fn measured(outcome: &Outcome, key: LimitKey) -> Option<u64> {
    outcome.usage.iter().find(|usage| usage.limit == key).and_then(|usage| usage.used)
}

/// The most that a run can have used of a resource that nobody measured.
fn at_most(outcome: &Outcome, key: LimitKey, reserved: u64) -> u64 {
    if key == LimitKey::CpuTime {
        // No more than all cores for as long as it took.
        let cores = std::thread::available_parallelism().map_or(u64::MAX, |cores| cores.get() as u64);
        return measured(outcome, LimitKey::Deadline).map_or(reserved, |wall| wall.saturating_mul(cores).min(reserved));
    }
    // A guest that was refused ran nothing, so it wrote and sent nothing.
    if outcome.ending.ending == Ending::Refused { 0 } else { reserved }
}

#[cfg(test)]
mod tests {
    use gauntlet_record::Usage;
    use gauntlet_target::EndingSeen;

    use super::*;
    use crate::clock::ManualClock;
    use crate::events::events;

    const SECOND: u64 = 1_000_000_000;

    fn policy(text: &str) -> Policy {
        Policy::parse("t", &format!("version: 1\n{text}\n")).unwrap()
    }

    fn books(rules: TenantRules) -> (Tenants, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new());
        (Tenants::with_clock(rules, Arc::clone(&clock) as Arc<dyn Clock>), clock)
    }

    fn used(usage: &[(LimitKey, u64)]) -> Outcome {
        let usage = usage
            .iter()
            .map(|(limit, used)| Usage { limit: *limit, used: Some(*used), cap: None, unmeasured: None })
            .collect();
        Outcome { usage, ..Outcome::default() }
    }

    fn crash() -> Outcome {
        let ending = EndingSeen { ending: Ending::WorkerDied, signal: Some(11), ..EndingSeen::default() };
        Outcome { ending, ..used(&[(LimitKey::CpuTime, 1)]) }
    }

    fn spent(refused: Result<Admission, Refused>) -> Budget {
        match refused.unwrap_err().why {
            RefusedWhy::Spent { budget, .. } => budget,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_policy_without_budgets_admits_everybody() {
        let (tenants, _) = books(TenantRules::default());
        let policy = policy("");
        let admissions: Vec<_> = (0..100).map(|_| tenants.admit(&Tenant::new("a"), &policy).unwrap()).collect();
        assert!(admissions.iter().all(|admission| admission.tighten(&policy).is_none()));
        assert_eq!(tenants.usage(&Tenant::new("a")).unwrap().concurrent, 100);
    }

    #[test]
    fn runs_are_counted_over_the_window_and_for_each_tenant_apart() {
        let (tenants, clock) = books(TenantRules::default());
        let policy = policy("per-tenant: { runs: 2, window: 60s }");
        let (one, other) = (Tenant::new("one"), Tenant::new("other"));
        for _ in 0..2 {
            tenants.admit(&one, &policy).unwrap().ended(&Outcome::default(), &[]);
        }
        assert_eq!(spent(tenants.admit(&one, &policy)), Budget::Runs);
        assert_eq!(tenants.admit(&one, &policy).unwrap_err().count, 2, "refusals in a row are counted");
        tenants.admit(&other, &policy).unwrap().ended(&Outcome::default(), &[]);
        clock.advance(Duration::from_secs(59));
        assert_eq!(spent(tenants.admit(&one, &policy)), Budget::Runs);
        clock.advance(Duration::from_secs(10));
        tenants.admit(&one, &policy).unwrap().ended(&Outcome::default(), &[]);
    }

    #[test]
    fn only_so_many_run_at_once() {
        let (tenants, _) = books(TenantRules::default());
        let (policy, tenant) = (policy("per-tenant: { concurrent: 2 }"), Tenant::default());
        let first = tenants.admit(&tenant, &policy).unwrap();
        let _second = tenants.admit(&tenant, &policy).unwrap();
        assert_eq!(spent(tenants.admit(&tenant, &policy)), Budget::Concurrent);
        first.ended(&Outcome::default(), &[]);
        let _third = tenants.admit(&tenant, &policy).unwrap();
    }

    #[test]
    fn cpu_time_is_booked_as_measured_and_the_last_run_gets_what_is_left() {
        let (tenants, _) = books(TenantRules::default());
        let (policy, tenant) = (policy("limits: { cpu-time: 4s }\nper-tenant: { cpu-time: 10s }"), Tenant::default());
        for _ in 0..2 {
            let admission = tenants.admit(&tenant, &policy).unwrap();
            assert!(admission.tighten(&policy).is_none());
            admission.ended(&used(&[(LimitKey::CpuTime, 4 * SECOND)]), &[]);
        }
        let last = tenants.admit(&tenant, &policy).unwrap();
        let tightened = last.tighten(&policy).unwrap();
        assert_eq!(tightened.limits.resolve(LimitKey::CpuTime, 0), Some(2 * SECOND));
        assert_eq!(spent(tenants.admit(&tenant, &policy)), Budget::CpuTime, "what runs has reserved the rest");
        last.ended(&used(&[(LimitKey::CpuTime, SECOND)]), &[]);
        assert_eq!(tenants.usage(&tenant).unwrap().cpu_time, 9 * SECOND);
        let _again = tenants.admit(&tenant, &policy).unwrap();
    }

    #[test]
    fn memory_is_reserved_while_a_run_holds_it() {
        let (tenants, _) = books(TenantRules::default());
        let (policy, tenant) = (policy("limits: { memory: 64MiB }\nper-tenant: { memory: 100MiB }"), Tenant::default());
        let first = tenants.admit(&tenant, &policy).unwrap();
        let second = tenants.admit(&tenant, &policy).unwrap();
        assert_eq!(second.tighten(&policy).unwrap().limits.resolve(LimitKey::Memory, 0), Some(36 << 20));
        assert_eq!(spent(tenants.admit(&tenant, &policy)), Budget::Memory);
        first.ended(&Outcome::default(), &[]);
        assert_eq!(tenants.usage(&tenant).unwrap().memory, 36 << 20);
    }

    #[test]
    fn what_nobody_measured_is_booked_as_reserved_and_what_cannot_be_used_is_not_reserved() {
        let (tenants, _) = books(TenantRules::default());
        let tenant = Tenant::default();
        let text = "limits: { disk: 6MiB, network-bytes: 1MiB }\nper-tenant: { disk: 10MiB, network-bytes: 10MiB }\n";
        let closed = policy(text);
        tenants.admit(&tenant, &closed).unwrap().ended(&Outcome::default(), &[]);
        let usage = tenants.usage(&tenant).unwrap();
        assert_eq!((usage.disk, usage.network_bytes, usage.assumed), (0, 0, 0));
        let open = policy(&format!(
            "{text}grants: {{ filesystem: [{{ host: /srv/x, guest: /x, access: read-write, reason: t }}] }}"
        ));
        tenants.admit(&tenant, &open).unwrap().ended(&Outcome::default(), &[]);
        let usage = tenants.usage(&tenant).unwrap();
        assert_eq!((usage.disk, usage.assumed), (6 << 20, 1));
        let refused = Outcome::refused(Cause::RefusedModule, "no");
        tenants.admit(&tenant, &open).unwrap().ended(&refused, &[]);
        assert_eq!(tenants.usage(&tenant).unwrap().disk, 6 << 20, "a refused guest wrote nothing");
    }

    #[test]
    fn cpu_time_that_nobody_measured_is_no_more_than_all_cores_for_as_long_as_it_took() {
        let (tenants, _) = books(TenantRules::default());
        let (policy, tenant) = (policy("per-tenant: { cpu-time: 1000s }"), Tenant::default());
        tenants.admit(&tenant, &policy).unwrap().ended(&used(&[(LimitKey::Deadline, 1_000)]), &[]);
        let usage = tenants.usage(&tenant).unwrap();
        assert!((1_000..1_000_000).contains(&usage.cpu_time), "{}", usage.cpu_time);
        assert_eq!(usage.assumed, 1);
    }

    #[test]
    fn an_admission_that_is_dropped_is_lost_and_booked_in_full() {
        let (tenants, _) = books(TenantRules::default());
        let (policy, tenant) =
            (policy("limits: { cpu-time: 3s }\nper-tenant: { cpu-time: 5s, concurrent: 1 }"), Tenant::default());
        drop(tenants.admit(&tenant, &policy).unwrap());
        let usage = tenants.usage(&tenant).unwrap();
        assert_eq!((usage.cpu_time, usage.lost, usage.concurrent), (3 * SECOND, 1, 0));
    }

    #[test]
    fn a_run_that_used_more_than_it_had_reserved_is_booked_with_what_it_used() {
        let (tenants, _) = books(TenantRules::default());
        let (policy, tenant) = (policy("limits: { cpu-time: 1s }\nper-tenant: { cpu-time: 2s }"), Tenant::default());
        tenants.admit(&tenant, &policy).unwrap().ended(&used(&[(LimitKey::CpuTime, 7 * SECOND)]), &[]);
        assert_eq!(spent(tenants.admit(&tenant, &policy)), Budget::CpuTime);
    }

    #[test]
    fn critical_events_lead_to_quarantine_until_somebody_releases_the_tenant() {
        let (tenants, clock) = books(TenantRules::default());
        let (policy, tenant) = (policy("per-tenant: { window: 10s }"), Tenant::new("crasher"));
        let crash = crash();
        for i in 0..3 {
            let reason = tenants.admit(&tenant, &policy).unwrap().ended(&crash, &events(&crash));
            assert_eq!(reason.is_some(), i == 2);
        }
        clock.advance(Duration::from_secs(100));
        assert!(matches!(tenants.admit(&tenant, &policy).unwrap_err().why, RefusedWhy::Quarantined { .. }));
        assert!(tenants.release(&tenant));
        let admission = tenants.admit(&tenant, &policy).unwrap();
        assert_eq!(admission.ended(&crash, &events(&crash)), None, "old events are forgotten");
    }

    #[test]
    fn crashes_that_are_far_apart_are_no_reason_for_quarantine() {
        let (tenants, clock) = books(TenantRules::default());
        let (policy, tenant) = (policy("per-tenant: { window: 10s }"), Tenant::new("unlucky"));
        for _ in 0..10 {
            let crash = crash();
            assert_eq!(tenants.admit(&tenant, &policy).unwrap().ended(&crash, &events(&crash)), None);
            clock.advance(Duration::from_secs(6));
        }
    }

    #[test]
    fn quarantine_can_be_ordered_and_the_other_tenants_go_on() {
        let (tenants, _) = books(TenantRules::default());
        let policy = policy("");
        tenants.quarantine(&Tenant::new("bad"), "by hand\n");
        let refused = tenants.admit(&Tenant::new("bad"), &policy).unwrap_err();
        assert_eq!(refused.outcome().ending.cause, Some(Cause::RefusedTenant));
        assert_eq!(refused.to_string(), "tenant `bad` is refused: in quarantine (by hand\\n)");
        let _ = tenants.admit(&Tenant::new("good"), &policy).unwrap();
    }

    #[test]
    fn the_books_are_bounded_and_forget_only_what_says_nothing() {
        let (tenants, clock) = books(TenantRules::default().most_tenants(10));
        let policy = policy("per-tenant: { runs: 1, window: 10s }");
        for i in 0..10 {
            tenants.admit(&Tenant::new(&i.to_string()), &policy).unwrap().ended(&Outcome::default(), &[]);
        }
        let refused = tenants.admit(&Tenant::new("one more"), &policy).unwrap_err();
        assert_eq!((refused.why, refused.count), (RefusedWhy::TooManyTenants, 1));
        let again = tenants.admit(&Tenant::new("and another"), &policy).unwrap_err();
        assert_eq!(again.count, 2, "counted together, so that no flood of names is a flood of log lines");
        assert_eq!(spent(tenants.admit(&Tenant::new("3"), &policy)), Budget::Runs, "nobody got a fresh budget");
        clock.advance(Duration::from_secs(11));
        let _ = tenants.admit(&Tenant::new("one more"), &policy).unwrap();
        assert_eq!(tenants.known(), 1);
    }

    #[test]
    fn an_unlimited_run_of_a_tenant_with_a_budget_is_held_to_the_budget() {
        let (tenants, _) = books(TenantRules::default());
        let policy = policy("limits: { cpu-time: unlimited }\nper-tenant: { cpu-time: 2s }");
        let admission = tenants.admit(&Tenant::default(), &policy).unwrap();
        let tightened = admission.tighten(&policy).unwrap();
        assert_eq!(tightened.limits.resolve(LimitKey::CpuTime, 0), Some(2 * SECOND));
    }

    #[test]
    fn names_that_only_differ_past_the_cut_are_different_tenants() {
        let long = "x".repeat(10_000);
        let (one, other) = (Tenant::new(&long), Tenant::new(&format!("{long}y")));
        assert_eq!(one.name(), other.name());
        assert_ne!(one, other);
    }
}
