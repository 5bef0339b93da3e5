//! Repeated calls on one instance.

use gauntlet_record::Ending;
use gauntlet_target::{Outcome, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{CallError, SandboxError};
use crate::guest::Guest;
use crate::placement::Placement;
use crate::sandbox::{Report, Sandbox, report};
use crate::typed;
use crate::warm::Live;

/// An instance that lives between calls.
///
/// Each call has a deadline, CPU time and fuel of its own; memory, tables, output and host work are counted over the whole session, and
/// what was used of them is not given back. A trap, an exit or a limit ends the session: an instance that was cut off in the middle of
/// something is never called again.
#[derive(Debug)]
pub struct Session {
    sandbox: Sandbox,
    /// Boxed, since a session is handed about.
    live: Option<Box<Live>>,
    ended: String,
}

impl Session {
    pub(crate) fn open(sandbox: &Sandbox, guest: &Guest) -> Result<Self, CallError> {
        match sandbox.placement() {
            Placement::Inline => {}
            Placement::Worker => return Err(SandboxError::NeedsInline { what: "a session" }.into()),
        }
        let opened =
            sandbox.warm()?.open(guest.bytes(), guest.digest(), sandbox.stdin()).map_err(SandboxError::from)?;
        match opened {
            Ok(live) => Ok(Self { sandbox: sandbox.clone(), live: Some(Box::new(live)), ended: String::new() }),
            Err(outcome) => match CallError::of(*outcome, sandbox.policy()) {
                Err(error) => Err(error),
                Ok(_) => Err(SandboxError::SessionEnded("the guest could not be kept".into()).into()),
            },
        }
    }

    /// Whether it can be called.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.live.is_some()
    }

    /// Calls an exported function and gives its result.
    ///
    /// # Errors
    ///
    /// If the session has ended, the guest traps, exits or reaches a limit, or a value does not fit. Arguments that do not fit leave
    /// the session as it was.
    pub fn call<A, R>(&mut self, function: &str, arguments: A) -> Result<R, CallError>
    where
        A: Serialize,
        R: DeserializeOwned,
    {
        self.call_reported(function, arguments).map(|report| report.value)
    }

    /// Calls an exported function and gives its result with what was seen of this call.
    ///
    /// # Errors
    ///
    /// As [`Session::call`].
    pub fn call_reported<A, R>(&mut self, function: &str, arguments: A) -> Result<Report<R>, CallError>
    where
        A: Serialize,
        R: DeserializeOwned,
    {
        let arguments = typed::arguments(&arguments).map_err(SandboxError::from)?;
        let outcome = self.call_values(function, &arguments)?;
        report(outcome, self.sandbox.policy())
    }

    /// Calls an exported function with plain data, and tells everything that was seen.
    ///
    /// # Errors
    ///
    /// If the session has ended.
    pub fn call_values(&mut self, function: &str, arguments: &[Value]) -> Result<Outcome, SandboxError> {
        let live = self.live.as_mut().ok_or_else(|| SandboxError::SessionEnded(self.ended.clone()))?;
        let outcome = live.call(function, arguments)?;
        self.look(&outcome);
        Ok(outcome)
    }

    /// Calls an exported function as a future, under any executor. Dropping it ends the call, and with it the session.
    ///
    /// # Errors
    ///
    /// As [`Session::call`].
    pub async fn call_async<A, R>(&mut self, function: &str, arguments: A) -> Result<R, CallError>
    where
        A: Serialize,
        R: DeserializeOwned,
    {
        let arguments = typed::arguments(&arguments).map_err(SandboxError::from)?;
        let Some(mut live) = self.live.take() else {
            return Err(SandboxError::SessionEnded(self.ended.clone()).into());
        };
        // A future that is dropped leaves the session without its instance.
        self.ended = "a call was dropped before it returned".into();
        let outcome = live.call_async(function, &arguments).await.map_err(SandboxError::from)?;
        self.live = Some(live);
        self.ended.clear();
        self.look(&outcome);
        report(outcome, self.sandbox.policy()).map(|report| report.value)
    }

    /// Whether the instance may be called again.
    fn look(&mut self, outcome: &Outcome) {
        let over = match outcome.ending.ending {
            // A function that is not there, or arguments that do not fit, never reached the guest.
            Ending::Returned | Ending::Refused => false,
            Ending::Exited | Ending::Trapped | Ending::LimitReached | Ending::WorkerDied => true,
        };
        if over {
            self.live = None;
            self.ended = match outcome.ending.cause {
                Some(cause) => format!("{} ({cause})", outcome.ending.ending),
                None => outcome.ending.ending.to_string(),
            };
        }
    }
}
