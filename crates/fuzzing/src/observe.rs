//! What is seen of a job: the answers of a target to it, and of others to the same.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::time::Duration;

use gauntlet_policy::Policy;
use gauntlet_target::{Job, Outcome, Target, TargetError};

/// What a target did with a job.
#[derive(Debug)]
pub enum Answer {
    /// It answered.
    Outcome(Box<Outcome>),
    /// It could not run the guest.
    Error(TargetError),
    /// It panicked, with this message.
    Panic(String),
}

impl Answer {
    /// Runs a job. A panic of the target is caught, unless the process aborts on panics, as it does under libFuzzer.
    pub fn of(target: &dyn Target, job: &Job) -> Self {
        // A target that panicked half-way may be left in a wrong state; what comes of that is a finding as well.
        match quietly(|| target.run(job)) {
            Ok(Ok(outcome)) => Self::Outcome(Box::new(outcome)),
            Ok(Err(error)) => Self::Error(error),
            Err(message) => Self::Panic(message),
        }
    }

    /// The outcome, if there is one.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Outcome(outcome) => Some(outcome),
            Self::Error(_) | Self::Panic(_) => None,
        }
    }
}

/// What a guest is known to do, since it was written for the case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// The work that it does if it comes to its end: 20 bits of what it returns.
    pub work: u64,
    /// Whether every sandbox that lets honest guests work has to let it come to its end.
    pub honest: bool,
    /// Iterations and calls that it makes at the least: each costs fuel.
    pub steps: u64,
    /// The depth of calls that it reaches.
    pub depth: u64,
    /// The pages that it asks for within what it declared.
    pub pages: u64,
    /// The table elements that it asks for within what it declared.
    pub elements: u64,
}

impl Expected {
    /// The parts of what the guest returns: the work done, the table elements and the pages that it holds.
    #[must_use]
    pub const fn parts(returned: u64) -> (u64, u64, u64) {
        (returned & 0xf_ffff, returned >> 20 & 0xff_ffff, returned >> 44)
    }
}

/// What the oracles see of one job.
#[derive(Debug)]
pub struct Observation<'a> {
    /// The guest.
    pub guest: &'a [u8],
    /// The policy in force.
    pub policy: &'a Policy,
    /// The answer.
    pub answer: Answer,
    /// The answer to the same job once more, where it was asked twice.
    pub again: Option<Answer>,
    /// The answer of the other placement, where it was asked.
    pub elsewhere: Option<Answer>,
    /// A tighter policy and the answer under it, where it was asked.
    pub tighter: Option<(Policy, Answer)>,
    /// The answer of another engine, where it was asked.
    pub second: Option<Answer>,
    /// How long the answer took, where it was measured.
    pub took: Option<Duration>,
    /// What the guest is known to do, where it is.
    pub expected: Option<Expected>,
}

impl<'a> Observation<'a> {
    /// One answer, and nothing else.
    #[must_use]
    pub fn new(guest: &'a [u8], policy: &'a Policy, answer: Answer) -> Self {
        Self {
            guest,
            policy,
            answer,
            again: None,
            elsewhere: None,
            tighter: None,
            second: None,
            took: None,
            expected: None,
        }
    }

    /// All answers of the target itself.
    pub fn answers(&self) -> impl Iterator<Item = &Answer> {
        [Some(&self.answer), self.again.as_ref(), self.elsewhere.as_ref()].into_iter().flatten()
    }
}

thread_local! {
    /// Where the last panic of this thread was, and whether panics of this thread are caught and told.
    static PLACE: RefCell<(bool, String)> = const { RefCell::new((false, String::new())) };
}

/// Runs something whose panic is a finding: its message, with the place in the code, comes back and is not printed.
///
/// # Errors
///
/// If it panicked.
pub fn quietly<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let caught = PLACE.with_borrow_mut(|(caught, place)| {
                *place = info.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
                *caught
            });
            if !caught {
                before(info);
            }
        }));
    });
    let outer = PLACE.with_borrow_mut(|(caught, _)| std::mem::replace(caught, true));
    let result = catch_unwind(AssertUnwindSafe(run));
    PLACE.with_borrow_mut(|(caught, _)| *caught = outer);
    result.map_err(|payload| {
        let place = PLACE.with_borrow(|(_, place)| place.clone());
        format!("{} at {place}", message(&*payload))
    })
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_comes_back_with_its_place() {
        let told = quietly(|| panic!("not {}", "here")).unwrap_err();
        assert!(told.starts_with("not here at ") && told.contains("observe.rs:"), "{told}");
        assert_eq!(quietly(|| 7), Ok(7));
    }
}
