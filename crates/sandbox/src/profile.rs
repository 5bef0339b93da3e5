//! Where a guest's time goes, function by function: one look at its stack at each tick of the epoch.
//!
//! A sample is taken when the guest next asks whether its time is up, at the head of a loop or at the entry of a function, so time in the
//! host is charged to whatever the guest does next. It costs one walk of the stack a millisecond, and only where it was asked for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gauntlet_record::GuestText;
use gauntlet_target::Profile;
use wasmtime::{AsContext, FrameInfo, WasmBacktrace};

use crate::execute::nanos;

/// Most different stacks that are kept; samples of others are counted as dropped.
const MAX_STACKS: usize = 4_096;
/// Most frames of one stack; those nearest to the entry go first.
const MAX_DEPTH: usize = 128;

/// Takes samples. Clones share them; one that was not asked for takes none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sampler {
    inner: Option<Arc<Mutex<Samples>>>,
}

#[derive(Debug, Default)]
struct Samples {
    stacks: BTreeMap<String, u64>,
    dropped: u64,
}

impl Sampler {
    pub(crate) fn new(asked: bool) -> Self {
        Self { inner: asked.then(Arc::default) }
    }

    /// Looks at the guest's stack.
    pub(crate) fn sample(&self, store: impl AsContext) {
        let Some(inner) = &self.inner else { return };
        let backtrace = WasmBacktrace::force_capture(store);
        let frames = backtrace.frames();
        if frames.is_empty() {
            return;
        }
        let mut stack = String::new();
        for frame in frames[..frames.len().min(MAX_DEPTH)].iter().rev() {
            if !stack.is_empty() {
                stack.push(';');
            }
            stack.push_str(&name(frame));
        }
        add(&mut lock(inner), stack);
    }

    /// What was seen; `None` if nobody asked.
    pub(crate) fn profile(&self, interval: Duration) -> Option<Profile> {
        let inner = self.inner.as_ref()?;
        let samples = lock(inner);
        let mut stacks: Vec<(String, u64)> = samples.stacks.iter().map(|(stack, n)| (stack.clone(), *n)).collect();
        stacks.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        Some(Profile::new(nanos(interval), stacks, samples.dropped))
    }
}

fn lock(inner: &Mutex<Samples>) -> MutexGuard<'_, Samples> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

fn add(samples: &mut Samples, stack: String) {
    if samples.stacks.len() >= MAX_STACKS && !samples.stacks.contains_key(&stack) {
        samples.dropped += 1;
        return;
    }
    *samples.stacks.entry(stack).or_insert(0) += 1;
}

/// The name of a frame, safe for terminals and for the format of collapsed stacks.
pub(crate) fn name(frame: &FrameInfo) -> String {
    match frame.func_name() {
        Some(name) => safe(name),
        None => format!("function[{}]", frame.func_index()),
    }
}

fn safe(name: &str) -> String {
    let name = GuestText::name(name);
    name.as_str().chars().map(|c| if c == ';' || c.is_whitespace() { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_forge_lines_or_frames() {
        assert_eq!(safe("a;b c\nd\u{1b}[31m"), "a_b_c\\nd\\u{1b}[31m");
        assert!(safe(&"x".repeat(10_000)).len() <= 256);
    }

    #[test]
    fn the_number_of_stacks_is_bounded() {
        let mut samples = Samples::default();
        for number in 0..MAX_STACKS + 10 {
            add(&mut samples, number.to_string());
        }
        add(&mut samples, "0".into());
        assert_eq!(samples.stacks.len(), MAX_STACKS);
        assert_eq!(samples.dropped, 10);
        assert_eq!(samples.stacks["0"], 2);
    }
}
