//! A fair queue: many submissions of several tenants for a few lanes.
//!
//! Tenants take turns: whoever has submitted a thousand runs waits for the one run of somebody else, and not the other way round. Within
//! a tenant the order is that of submission. The queue is bounded, in all and for each tenant, and says so with a typed refusal.
//!
//! ```
//! use gauntlet_sandbox::queue::{Queue, QueueSize};
//! use gauntlet_sandbox::tenants::Tenant;
//!
//! let queue = Queue::new(QueueSize::new(2, 1000));
//! let ticket = queue.submit(&Tenant::new("acme"))?;
//! let lane = ticket.wait(); // or `ticket.await`
//! // ... run the guest ...
//! drop(lane); // the next one goes
//! # Ok::<(), gauntlet_sandbox::tenants::Refused>(())
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::tenants::{Refused, RefusedWhy, Tenant};

/// How much a queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueSize {
    /// How many may run at once. Never less than one.
    pub lanes: usize,
    /// How many may wait, of all tenants together.
    pub length: usize,
    /// How many of one tenant may wait.
    pub per_tenant: usize,
}

impl QueueSize {
    /// A queue for so many lanes and so many that wait, any number of them of one tenant.
    #[must_use]
    pub fn new(lanes: usize, length: usize) -> Self {
        Self { lanes, length, per_tenant: length }
    }

    /// Bounds how many of one tenant may wait, so that one tenant cannot fill the queue.
    #[must_use]
    pub fn per_tenant(mut self, waiting: usize) -> Self {
        self.per_tenant = waiting;
        self
    }
}

/// A queue for a bounded number of lanes. Clones share it.
#[derive(Clone)]
pub struct Queue {
    shared: Arc<Shared>,
}

struct Shared {
    size: QueueSize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    busy: usize,
    length: usize,
    waiting: BTreeMap<Tenant, VecDeque<Arc<Place>>>,
    /// The tenants that wait, in the order of their turns.
    turns: VecDeque<Tenant>,
}

/// A place in the queue.
#[derive(Default)]
struct Place {
    turn: Mutex<Turn>,
    called: Condvar,
}

#[derive(Default)]
struct Turn {
    granted: bool,
    waker: Option<Waker>,
}

impl Place {
    fn lock(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn grant(&self) {
        let mut turn = self.lock();
        turn.granted = true;
        let waker = turn.waker.take();
        drop(turn);
        self.called.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("size", &self.shared.size).field("waiting", &self.waiting()).finish()
    }
}

impl Queue {
    /// An empty queue.
    #[must_use]
    pub fn new(size: QueueSize) -> Self {
        let size = QueueSize { lanes: size.lanes.max(1), ..size };
        Self { shared: Arc::new(Shared { size, state: Mutex::default() }) }
    }

    /// Takes a place for a tenant. Dropping the ticket gives the place up.
    ///
    /// # Errors
    ///
    /// If all lanes are busy and the queue, or the tenant's share of it, is full.
    pub fn submit(&self, tenant: &Tenant) -> Result<Ticket, Refused> {
        let mut state = self.shared.lock();
        let own = state.waiting.get(tenant).map_or(0, VecDeque::len);
        let size = self.shared.size;
        // Whoever would have to wait although a lane is free does not exist: lanes are handed on as they fall free.
        let waits = state.busy >= size.lanes;
        if waits && (state.length >= size.length || own >= size.per_tenant) {
            let own_share = state.length < size.length;
            let why = RefusedWhy::QueueFull { own_share };
            return Err(Refused { tenant: tenant.clone(), why, count: 1 });
        }
        let place = Arc::new(Place::default());
        if waits {
            state.length += 1;
            if own == 0 {
                state.turns.push_back(tenant.clone());
            }
            state.waiting.entry(tenant.clone()).or_default().push_back(Arc::clone(&place));
            crate::metrics::queue_length(state.length);
        } else {
            state.busy += 1;
            place.grant();
        }
        Ok(Ticket { shared: Arc::clone(&self.shared), tenant: tenant.clone(), place: Some(place) })
    }

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.lock().length
    }

    /// How many lanes are busy.
    #[must_use]
    pub fn busy(&self) -> usize {
        self.shared.lock().busy
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A lane is free: the next tenant's first place gets it.
    fn hand_on(&self) {
        let mut state = self.lock();
        let next = state.next();
        match &next {
            Some(_) => crate::metrics::queue_length(state.length),
            None => state.busy = state.busy.saturating_sub(1),
        }
        drop(state);
        if let Some(place) = next {
            place.grant();
        }
    }
}

impl State {
    /// Takes the place whose turn it is.
    fn next(&mut self) -> Option<Arc<Place>> {
        let tenant = self.turns.pop_front()?;
        let places = self.waiting.get_mut(&tenant)?;
        let place = places.pop_front();
        if places.is_empty() {
            self.waiting.remove(&tenant);
        } else {
            self.turns.push_back(tenant);
        }
        self.length = self.length.saturating_sub(usize::from(place.is_some()));
        place
    }

    /// Gives up a place. Says whether it was still waiting.
    fn leave(&mut self, tenant: &Tenant, place: &Arc<Place>) -> bool {
        let Some(places) = self.waiting.get_mut(tenant) else { return false };
        let Some(at) = places.iter().position(|other| Arc::ptr_eq(other, place)) else { return false };
        places.remove(at);
        if places.is_empty() {
            self.waiting.remove(tenant);
            self.turns.retain(|waiting| waiting != tenant);
        }
        self.length = self.length.saturating_sub(1);
        crate::metrics::queue_length(self.length);
        true
    }
}

/// A place in the queue: wait for it in a thread with [`Ticket::wait`], or in a task with `.await`.
#[must_use = "dropping a ticket gives the place up"]
pub struct Ticket {
    shared: Arc<Shared>,
    tenant: Tenant,
    place: Option<Arc<Place>>,
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

impl Ticket {
    /// Waits for a lane.
    pub fn wait(mut self) -> Lane {
        if let Some(place) = self.place.take() {
            let mut turn = place.lock();
            while !turn.granted {
                turn = place.called.wait(turn).unwrap_or_else(PoisonError::into_inner);
            }
        }
        Lane { shared: Arc::clone(&self.shared) }
    }

    /// Waits for a lane, but not for ever.
    ///
    /// # Errors
    ///
    /// If its turn has not come within that time. Its place is given up.
    pub fn wait_for(self, most: Duration) -> Result<Lane, Refused> {
        let began = Instant::now();
        if let Some(place) = self.place.clone() {
            let mut turn = place.lock();
            while !turn.granted {
                let waited = began.elapsed();
                if waited >= most {
                    drop(turn);
                    let why = RefusedWhy::WaitedTooLong { waited: crate::execute::nanos(waited) };
                    return Err(Refused { tenant: self.tenant.clone(), why, count: 1 });
                }
                turn = place.called.wait_timeout(turn, most - waited).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        Ok(self.wait())
    }

    /// Whether its turn has come.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.place.as_ref().is_none_or(|place| place.lock().granted)
    }
}

impl Future for Ticket {
    type Output = Lane;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Lane> {
        if let Some(place) = &self.place {
            let mut turn = place.lock();
            if !turn.granted {
                turn.waker = Some(context.waker().clone());
                return Poll::Pending;
            }
        }
        self.place = None;
        Poll::Ready(Lane { shared: Arc::clone(&self.shared) })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let Some(place) = self.place.take() else { return };
        let waited = self.shared.lock().leave(&self.tenant, &place);
        // A place that no longer waits was granted; nobody came for the lane, so it goes to the next.
        if !waited {
            self.shared.hand_on();
        }
    }
}

/// A lane. Dropping it lets the next one go.
#[must_use = "dropping a lane lets the next one go"]
pub struct Lane {
    shared: Arc<Shared>,
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lane")
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.shared.hand_on();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(tickets: &[(&'static str, Ticket)]) -> Vec<&'static str> {
        tickets.iter().filter(|(_, ticket)| ticket.is_ready()).map(|(name, _)| *name).collect()
    }

    #[test]
    fn tenants_take_turns() {
        let queue = Queue::new(QueueSize::new(1, 100));
        let (greedy, modest) = (Tenant::new("greedy"), Tenant::new("modest"));
        let mut lane = queue.submit(&greedy).unwrap().wait();
        let mut tickets = Vec::new();
        for name in ["g1", "g2", "g3", "g4"] {
            tickets.push((name, queue.submit(&greedy).unwrap()));
        }
        for name in ["m1", "m2"] {
            tickets.push((name, queue.submit(&modest).unwrap()));
        }
        let mut order = Vec::new();
        while !tickets.is_empty() {
            drop(lane);
            let names = ready(&tickets);
            assert_eq!(names.len(), 1, "one lane");
            let at = tickets.iter().position(|(_, ticket)| ticket.is_ready()).unwrap();
            let (name, ticket) = tickets.remove(at);
            order.push(name);
            lane = ticket.wait();
        }
        assert_eq!(order, ["g1", "m1", "g2", "m2", "g3", "g4"]);
        drop(lane);
        assert_eq!((queue.busy(), queue.waiting()), (0, 0));
    }

    #[test]
    fn a_thousand_submissions_on_two_lanes_all_run_and_never_more_than_two_at_once() {
        let queue = Queue::new(QueueSize::new(2, 1000));
        let tenants: Vec<Tenant> = (0..10).map(|i| Tenant::new(&i.to_string())).collect();
        let hold: Vec<Lane> = (0..2).map(|_| queue.submit(&tenants[0]).unwrap().wait()).collect();
        let tickets: Vec<Ticket> = (0..1000).map(|i| queue.submit(&tenants[i % 10]).unwrap()).collect();
        assert_eq!(queue.waiting(), 1000);
        let running = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let threads: Vec<_> = tickets
            .into_iter()
            .map(|ticket| {
                let running = Arc::clone(&running);
                std::thread::spawn(move || {
                    let _lane = ticket.wait();
                    let before = running.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    std::thread::yield_now();
                    running.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    before
                })
            })
            .collect();
        drop(hold);
        assert!(threads.into_iter().all(|thread| thread.join().unwrap() < 2));
        assert_eq!((queue.busy(), queue.waiting()), (0, 0));
    }

    #[test]
    fn a_full_queue_refuses_with_a_reason() {
        let queue = Queue::new(QueueSize::new(1, 3).per_tenant(2));
        let (one, other) = (Tenant::new("one"), Tenant::new("other"));
        let _lane = queue.submit(&one).unwrap().wait();
        let _waiting = [queue.submit(&one).unwrap(), queue.submit(&one).unwrap()];
        assert_eq!(queue.submit(&one).unwrap_err().why, RefusedWhy::QueueFull { own_share: true });
        let _last = queue.submit(&other).unwrap();
        assert_eq!(queue.submit(&other).unwrap_err().why, RefusedWhy::QueueFull { own_share: false });
    }

    #[test]
    fn whoever_waited_long_enough_leaves_and_the_lane_goes_to_the_next() {
        let queue = Queue::new(QueueSize::new(1, 10));
        let tenant = Tenant::default();
        let lane = queue.submit(&tenant).unwrap().wait();
        let refused = queue.submit(&tenant).unwrap().wait_for(Duration::from_millis(1)).unwrap_err();
        assert!(matches!(refused.why, RefusedWhy::WaitedTooLong { waited } if waited >= 1_000_000));
        assert_eq!(queue.waiting(), 0);
        let next = queue.submit(&tenant).unwrap();
        drop(lane);
        drop(next.wait_for(Duration::ZERO).unwrap());
        assert_eq!((queue.busy(), queue.waiting()), (0, 0));
    }

    #[test]
    fn a_ticket_that_is_dropped_holds_nobody_up() {
        let queue = Queue::new(QueueSize::new(1, 10));
        let tenant = Tenant::default();
        let lane = queue.submit(&tenant).unwrap().wait();
        let (first, second) = (queue.submit(&tenant).unwrap(), queue.submit(&tenant).unwrap());
        let third = queue.submit(&tenant).unwrap();
        drop(second);
        drop(lane);
        assert!(first.is_ready() && !third.is_ready());
        drop(first);
        assert!(third.is_ready(), "a granted lane that nobody came for is handed on");
        drop(third);
        assert_eq!((queue.busy(), queue.waiting()), (0, 0));
    }

    #[test]
    fn a_ticket_can_be_awaited() {
        let queue = Queue::new(QueueSize::new(1, 10));
        let lane = queue.submit(&Tenant::default()).unwrap().wait();
        let ticket = queue.submit(&Tenant::default()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let freed = std::thread::spawn(move || drop(lane));
        drop(runtime.block_on(ticket));
        freed.join().unwrap();
        assert_eq!((queue.busy(), queue.waiting()), (0, 0));
    }

    #[test]
    fn a_queue_has_at_least_one_lane() {
        let queue = Queue::new(QueueSize::new(0, 0));
        let _lane = queue.submit(&Tenant::default()).unwrap().wait();
        assert!(queue.submit(&Tenant::default()).is_err());
    }
}
