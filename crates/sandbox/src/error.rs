//! Why a call gave no value.

use gauntlet_policy::{Fault, LoadError};
use gauntlet_record::{Cause, Ending, GuestText};
use gauntlet_target::{Outcome, TargetError};

use crate::explain::{Explanation, ResourceUse, explain};
use crate::guest::GuestError;
use crate::typed::ValueError;

/// A sandbox that cannot be built, or a guest that could not be run at all: the host's side is at fault, not the guest's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The policy's text has faults.
    #[error("the policy `{name}` has {} fault(s), first at line {}: {}", .faults.len(), .faults.first().map_or(0, |fault| fault.span.line), .faults.first().map_or("", |fault| fault.message.as_str()))]
    Policy {
        /// How the policy is called.
        name: String,
        /// All of its faults.
        faults: Vec<Fault>,
    },
    /// The policy's file cannot be read.
    #[error("cannot load the policy `{name}`")]
    PolicyFile {
        /// The file.
        name: String,
        /// Why not.
        source: LoadError,
    },
    /// The guest cannot be read.
    #[error(transparent)]
    Guest(#[from] GuestError),
    /// The worker is this program started again, and the program does not begin by becoming one.
    #[error(
        "guests run in a worker process, which is this program started again: begin `main` with `if let Some(code) = \
         gauntlet_sandbox::worker_main() {{ std::process::exit(code.into()) }}`, name a program that does with \
         `worker_program`, or choose `Placement::Inline`"
    )]
    NoWorker,
    /// Something that works in the caller's process only.
    #[error("{what} needs `Placement::Inline`: it cannot reach into a worker process")]
    NeedsInline {
        /// What does.
        what: &'static str,
    },
    /// The executor could not run anything.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A value that cannot cross the border.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// An earlier call ended the session.
    #[error("the session has ended: {0}")]
    SessionEnded(String),
}

/// Why a call gave no value: something of the host's, or an ending of the guest's that is no return.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The host's side failed.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The guest was refused before it ran.
    #[error("refused before it ran: {why}")]
    Refused {
        /// Operation, grant, fix.
        why: Box<Explanation>,
        /// Everything that was seen.
        outcome: Box<Outcome>,
    },
    /// A limit of the policy ended the run.
    #[error("{used}")]
    Limit {
        /// Kind, used and limit.
        used: ResourceUse,
        /// Everything that was seen.
        outcome: Box<Outcome>,
    },
    /// The guest trapped. What it had been denied before is often the reason.
    #[error("the guest trapped: {detail}{}", after(.denied))]
    Trapped {
        /// The trap and the names of the frames, escaped and cut.
        detail: String,
        /// What the guest had been denied.
        denied: Vec<Explanation>,
        /// Everything that was seen.
        outcome: Box<Outcome>,
    },
    /// The guest asked to exit in place of returning.
    #[error("the guest exited with code {code}{}", after(.denied))]
    Exited {
        /// Its exit code.
        code: i32,
        /// What the guest had been denied.
        denied: Vec<Explanation>,
        /// Everything that was seen.
        outcome: Box<Outcome>,
    },
    /// The worker died without an answer: the guest may have broken the engine, and the process took the blow.
    #[error("the worker died: {detail}")]
    WorkerDied {
        /// How.
        detail: String,
        /// Everything that was seen.
        outcome: Box<Outcome>,
    },
}

fn after(denied: &[Explanation]) -> String {
    denied.first().map_or_else(String::new, |first| format!("; before that: {first}"))
}

impl CallError {
    /// What was seen of the run, if one began.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Sandbox(_) => None,
            Self::Refused { outcome, .. }
            | Self::Limit { outcome, .. }
            | Self::Trapped { outcome, .. }
            | Self::Exited { outcome, .. }
            | Self::WorkerDied { outcome, .. } => Some(outcome),
        }
    }

    /// The error that an ending is; `None` if the guest returned.
    pub(crate) fn of(outcome: Outcome, policy: &gauntlet_policy::Policy) -> Result<Outcome, Self> {
        let detail = GuestText::new(outcome.ending.detail.as_bytes(), 512).as_str().to_owned();
        let outcome = match outcome.ending.ending {
            Ending::Returned => return Ok(outcome),
            Ending::Exited | Ending::Trapped | Ending::LimitReached | Ending::Refused | Ending::WorkerDied => {
                Box::new(outcome)
            }
        };
        Err(match (outcome.ending.ending, outcome.ending.cause) {
            (Ending::LimitReached, Some(Cause::Limit(key))) => {
                Self::Limit { used: ResourceUse::of(key, &outcome), outcome }
            }
            (Ending::Refused, Some(cause)) => {
                let seen =
                    gauntlet_target::DenialSeen { cause, asked: outcome.ending.detail.clone(), limit: None, count: 1 };
                Self::Refused { why: Box::new(crate::explain::one(&seen, policy)), outcome }
            }
            (Ending::Exited, _) => Self::Exited {
                code: outcome.ending.exit_code.unwrap_or_default(),
                denied: explain(&outcome, policy),
                outcome,
            },
            (Ending::WorkerDied, _) => Self::WorkerDied { detail, outcome },
            (Ending::Returned | Ending::Trapped | Ending::LimitReached | Ending::Refused, _) => {
                Self::Trapped { detail, denied: explain(&outcome, policy), outcome }
            }
        })
    }
}
