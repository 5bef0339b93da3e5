//! Memory and table limits as sums over everything that the guest holds. What was granted is never given back.
//!
//! The engine's own limiter looks at one memory or table at a time. Giving back after a failed growth is a hole: the engine reports
//! some failures without having asked before. A store lives for one run, so nothing is lost by keeping the books one way.
//!
//! A shared memory grows without anybody being asked. A guest that has one, which takes `features.threads`, is charged the whole declared
//! maximum of each of its memories when that is created, and no growth after that.

use gauntlet_record::{Cause, LimitKey};
use wasmparser::{Parser, Payload};
use wasmtime::ResourceLimiter;

use crate::host::Tally;

/// The books of one run.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory: Option<u64>,
    table_elements: Option<u64>,
    instances: Option<u64>,
    /// Most frames of the call stack; they are counted by the guest's own code.
    pub(crate) call_depth: Option<u64>,
    pub(crate) memory_used: u64,
    pub(crate) table_elements_used: u64,
    /// The size of a pool's tables, which the engine gives for a maximum of the guest's own where that is larger.
    pub(crate) pooled_table: Option<usize>,
    /// Memories are charged whole when they are created.
    whole: bool,
    tally: Tally,
}

impl Limiter {
    pub(crate) fn new(protections: &crate::Protections, tally: Tally) -> Self {
        Self {
            memory: protections.limit(LimitKey::Memory),
            table_elements: protections.limit(LimitKey::TableElements),
            instances: protections.limit(LimitKey::Instances),
            call_depth: protections.limit(LimitKey::CallDepth),
            memory_used: 0,
            table_elements_used: 0,
            pooled_table: None,
            whole: false,
            tally,
        }
    }

    /// Looks whether the guest has shared memories.
    pub(crate) fn expect(&mut self, guest: &[u8]) {
        let shared = |payload: Payload<'_>| match payload {
            Payload::MemorySection(memories) => {
                memories.into_iter().any(|memory| memory.is_ok_and(|memory| memory.shared))
            }
            _ => false,
        };
        self.whole = Parser::new(0).parse_all(guest).any(|payload| payload.is_ok_and(shared));
    }
}

/// Books a growth from `current` to `desired`; `declared` is the guest's own maximum.
fn book(
    used: &mut u64,
    cap: Option<u64>,
    current: usize,
    desired: usize,
    declared: Option<usize>,
) -> Result<bool, u64> {
    if declared.is_some_and(|declared| desired > declared) {
        return Ok(false);
    }
    let wanted = used.saturating_add(desired.saturating_sub(current) as u64);
    if cap.is_some_and(|cap| wanted > cap) {
        return Err(wanted);
    }
    *used = wanted;
    Ok(true)
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, declared: Option<usize>) -> wasmtime::Result<bool> {
        let (current, desired) = match declared {
            Some(declared) if self.whole && current == 0 => (0, desired.max(declared)),
            Some(declared) if self.whole && desired <= declared => return Ok(true),
            _ => (current, desired),
        };
        book(&mut self.memory_used, self.memory, current, desired, declared).or_else(|wanted| {
            self.tally.deny(Cause::Limit(LimitKey::Memory), "memory", || wanted.to_string(), self.memory);
            self.tally.check().map(|()| false)
        })
    }

    fn table_growing(&mut self, current: usize, desired: usize, declared: Option<usize>) -> wasmtime::Result<bool> {
        let declared = declared.filter(|declared| Some(*declared) != self.pooled_table);
        book(&mut self.table_elements_used, self.table_elements, current, desired, declared).or_else(|wanted| {
            let cause = Cause::Limit(LimitKey::TableElements);
            self.tally.deny(cause, "table", || wanted.to_string(), self.table_elements);
            self.tally.check().map(|()| false)
        })
    }

    fn instances(&self) -> usize {
        self.instances.map_or(usize::MAX, |cap| usize::try_from(cap).unwrap_or(usize::MAX))
    }

    fn tables(&self) -> usize {
        usize::MAX
    }

    fn memories(&self) -> usize {
        usize::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(memory: u64) -> Limiter {
        let text = format!("version: 1\nlimits: {{ memory: {memory}B, table-elements: 10 }}\n");
        let policy = gauntlet_policy::Policy::parse("t", &text).unwrap();
        Limiter::new(&crate::Protections::of(&policy), Tally::default())
    }

    #[test]
    fn memories_are_summed() {
        let mut limiter = limiter(100);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(!limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert_eq!(limiter.memory_used, 100);
    }

    #[test]
    fn a_failed_growth_gives_nothing_back() {
        let mut limiter = limiter(100);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        limiter.memory_grow_failed(wasmtime::Error::msg("no room")).unwrap();
        assert!(!limiter.memory_growing(0, 60, None).unwrap());
    }

    #[test]
    fn the_guests_own_maximum_is_no_denial_of_ours() {
        let mut limiter = limiter(100);
        assert!(!limiter.memory_growing(0, 60, Some(50)).unwrap());
        assert_eq!(limiter.tally.denials(), []);
    }

    #[test]
    fn tables_are_summed() {
        let mut limiter = limiter(0);
        assert!(limiter.table_growing(0, 8, None).unwrap());
        assert!(!limiter.table_growing(0, 3, None).unwrap());
    }
}
