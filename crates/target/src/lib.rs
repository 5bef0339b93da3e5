//! What a sandbox is asked and how it answers: job, outcome, the [`Target`] trait, command targets.
//!
//! The runner knows targets by this crate only, never by an engine: somebody who tests their own sandbox compiles none of ours.
//!
//! ```
//! use gauntlet_target::{Description, Job, Outcome, Target, TargetError};
//!
//! /// Answers success and runs nothing: the benign control catches it.
//! struct Idle;
//!
//! impl Target for Idle {
//!     fn describe(&self) -> Description {
//!         Description { name: "idle".into(), engine: "none".into(), version: "0".into(), offers: vec!["preview1".into()] }
//!     }
//!     fn run(&self, _: &Job) -> Result<Outcome, TargetError> {
//!         Ok(Outcome::default())
//!     }
//! }
//!
//! assert_eq!(Idle.describe().name, "idle");
//! ```

mod command;
mod trace;
mod value;

use std::io;
use std::path::PathBuf;

use gauntlet_policy::Policy;
use gauntlet_record::{Cause, Confinement, Ending, LimitKey, Usage};
use serde::{Deserialize, Serialize};

pub use command::{CommandFile, CommandTarget, CommandTargetError, Release, Status};
pub use trace::{MAX_FRAMES, MAX_MOMENTS, Moment, Profile, Trace};
pub use value::Value;

/// What is to be run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The guest's bytes, as they were given: wasm, or whatever somebody took for it.
    #[serde(with = "hex_bytes")]
    pub guest: Vec<u8>,
    /// The language that the guest's bytes are a program in, for targets that offer `language:<id>`; none if they are WebAssembly.
    #[serde(default)]
    pub language: Option<String>,
    /// The exported function to call; by default `_start`, or a component's `wasi:cli/run`.
    pub entry: Option<String>,
    /// What the entry is called with. Empty for entries that take nothing, and in trials, whose guests are given the nonce.
    #[serde(default)]
    pub arguments: Vec<Value>,
    /// The policy in force; its grants name real directories of this host.
    pub policy: Policy,
    /// The first argument of the guest, and the number that a core guest without WASI is called with: 16 hex digits. Empty outside of trials.
    pub nonce: String,
    /// What the guest may read on standard input, if the policy lets it.
    #[serde(with = "hex_bytes")]
    pub stdin: Vec<u8>,
    /// A detached signature of the guest, as the module signing tools write it; without one an embedded signature is looked for, if the
    /// policy asks for signatures.
    #[serde(default)]
    pub signature: Option<Vec<u8>>,
    /// What is to be recorded besides the outcome.
    #[serde(default)]
    pub trace: Trace,
}

/// How a run ended and what was seen of it. A guest's misdeed is an outcome, never an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ended.
    pub ending: EndingSeen,
    /// What the guest asked for and did not get.
    pub denials: Vec<DenialSeen>,
    /// Standard output, as much of it as the limit let through.
    #[serde(with = "hex_bytes")]
    pub stdout: Vec<u8>,
    /// Standard error, as much of it as the limit let through.
    #[serde(with = "hex_bytes")]
    pub stderr: Vec<u8>,
    /// Whether output was cut by the limit.
    pub truncated: bool,
    /// What a core guest's entry returned.
    pub returned: Option<u64>,
    /// What the entry returned, typed.
    #[serde(default)]
    pub results: Vec<Value>,
    /// Used and limit for each resource, as the executor counts.
    pub usage: Vec<Usage>,
    /// The jail, as it was achieved.
    pub confinement: Vec<Confinement>,
    /// When things happened, if [`Trace::timeline`] asked for it; at most [`MAX_MOMENTS`].
    #[serde(default)]
    pub timeline: Vec<Moment>,
    /// Where the guest's time went, if [`Trace::profile`] asked for it and the executor samples.
    #[serde(default)]
    pub profile: Option<Profile>,
    /// How each grant was used, as the executor counts; empty where it does not, or died before it could say.
    #[serde(default)]
    pub grants: Vec<GrantUse>,
}

/// Most places of one grant that are told apart.
pub const MAX_PLACES: usize = 256;

/// Something beneath a grant that was used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceUse {
    /// Of a directory, the path from there, empty for the directory itself; of the network, the address. Chosen by the guest, as it is.
    pub name: String,
    /// Whether it was changed, or opened so that it could be.
    pub changed: bool,
    /// Whether it was seen to be a directory, whose inside was used.
    pub directory: bool,
}

/// How a grant was used in one run. Every policy has `stdin`, `stdout`, `stderr`, `random`, `clock`, `environment` and `arguments`;
/// directories go by the guest's name for them, addresses as the policy names them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GrantUse {
    /// The grant.
    pub grant: String,
    /// Calls under it.
    pub calls: u64,
    /// Bytes that came to the guest.
    pub bytes_read: u64,
    /// Bytes that the guest sent away.
    pub bytes_written: u64,
    /// Files and directories opened under it.
    pub files_opened: u64,
    /// Tries to reach its address.
    pub network_tries: u64,
    /// What beneath it was used, by name, whether it was there or not; what was denied is not among them. At most [`MAX_PLACES`]: where
    /// there are more, directories stand for what is in them, the granted directory at worst for all.
    #[serde(default)]
    pub places: Vec<PlaceUse>,
}

impl GrantUse {
    /// A grant that was not used.
    #[must_use]
    pub fn new(grant: impl Into<String>) -> Self {
        Self { grant: grant.into(), ..Self::default() }
    }
}

/// How a run ended, with its details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndingSeen {
    /// How it ended.
    pub ending: Ending,
    /// The typed reason, where there is one.
    pub cause: Option<Cause>,
    /// The guest's exit code, if it gave one: testimony.
    pub exit_code: Option<i32>,
    /// The signal that ended the process, if it died, or 0 for a panic.
    pub signal: Option<i32>,
    /// Detail for the host's side: the trap, the names of the frames. Partly chosen by the guest, as it is.
    pub detail: String,
    /// The functions that a trap went through, innermost first, at most [`MAX_FRAMES`]. Names are made safe for terminals.
    #[serde(default)]
    pub frames: Vec<String>,
}

impl Default for EndingSeen {
    fn default() -> Self {
        let frames = Vec::new();
        Self { ending: Ending::Returned, cause: None, exit_code: None, signal: None, detail: String::new(), frames }
    }
}

impl EndingSeen {
    /// An ending for a typed reason.
    #[must_use]
    pub fn caused(ending: Ending, cause: Cause, detail: impl Into<String>) -> Self {
        Self { ending, cause: Some(cause), detail: detail.into(), ..Self::default() }
    }
}

/// Something that the guest asked for and did not get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenialSeen {
    /// Why.
    pub cause: Cause,
    /// What was asked, partly chosen by the guest, as it is.
    pub asked: String,
    /// The limit that was met, in the limit's own unit.
    pub limit: Option<u64>,
    /// How often.
    pub count: u64,
}

impl Outcome {
    /// An outcome that ended for a typed reason before anything ran.
    #[must_use]
    pub fn refused(cause: Cause, detail: impl Into<String>) -> Self {
        Self { ending: EndingSeen::caused(Ending::Refused, cause, detail), ..Self::default() }
    }

    /// Everything that stopped the guest somewhere: the ending's cause first, then the denials'.
    #[must_use]
    pub fn causes(&self) -> Vec<Cause> {
        let mut causes: Vec<Cause> = Vec::new();
        for cause in self.ending.cause.into_iter().chain(self.denials.iter().map(|denial| denial.cause)) {
            if !causes.contains(&cause) {
                causes.push(cause);
            }
        }
        causes
    }
}

/// What a target is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Its name, as `--target` takes it.
    pub name: String,
    /// Its engine.
    pub engine: String,
    /// The engine's version.
    pub version: String,
    /// The worlds and features it offers: `core`, `preview1`, `component`, `invoke`, names of proposals. An attack whose needs are not
    /// among them is unsupported.
    pub offers: Vec<String>,
}

/// A sandbox: it runs one job.
pub trait Target {
    /// What it is.
    fn describe(&self) -> Description;

    /// Runs a job to its end.
    ///
    /// # Errors
    ///
    /// If the guest could not be run at all. A guest that traps, meets a limit or kills its worker is an outcome.
    fn run(&self, job: &Job) -> Result<Outcome, TargetError>;

    /// Runs a job for one of several tenants, who is named by the SHA-256 of its name, in hex. A target that keeps something from one run
    /// to the next keeps it apart by this name; one that keeps nothing need not care.
    ///
    /// # Errors
    ///
    /// As [`Target::run`].
    fn run_as(&self, tenant: &str, job: &Job) -> Result<Outcome, TargetError> {
        let _ = tenant;
        self.run(job)
    }

    /// Instantiates a job's guest and keeps the instance for many calls, which is what fuzzing lives on. `None` if this target does not:
    /// then every case is a run.
    ///
    /// # Errors
    ///
    /// If the guest could not be instantiated.
    fn open(&self, job: &Job) -> Result<Option<Box<dyn Session>>, TargetError> {
        let _ = job;
        Ok(None)
    }
}

/// An instance that is kept between calls, for harnesses: unlike an embedder's, it can be called on after a trap.
pub trait Session {
    /// Calls an exported function. Deadline, CPU time and fuel are those of one run; what else is counted is counted on.
    ///
    /// # Errors
    ///
    /// If the call could not be made. A guest that traps or meets a limit is an outcome.
    fn call(&mut self, entry: &str, arguments: &[Value]) -> Result<Outcome, TargetError>;

    /// The guest's memory `memory`, if it exports one.
    fn memory(&mut self) -> Option<&mut [u8]>;
}

/// An error with all its causes, the outermost first, in one line.
#[must_use]
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// A target could not run a guest at all. A guest that traps, meets a limit or kills its worker is an outcome, not an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The target's program could not be started.
    #[error("cannot start `{program}`")]
    Spawn {
        /// The program we tried to start.
        program: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// The policy sets a limit or grant that this executor cannot hold.
    #[error("cannot hold `{key}`: {why}")]
    LimitUnenforced {
        /// The policy's key.
        key: String,
        /// Why not.
        why: String,
    },
    /// The policy requires a mechanism that this host or executor lacks.
    #[error("`isolation.{mechanism}` is required and not to be had: {why}")]
    Unconfined {
        /// The mechanism.
        mechanism: String,
        /// Why not.
        why: String,
    },
    /// The worker's answer could not be understood.
    #[error("the worker broke the protocol: {0}")]
    Protocol(String),
    /// The system failed us.
    #[error("{what}")]
    Io {
        /// What we tried.
        what: &'static str,
        /// What the system answered.
        source: io::Error,
    },
}

/// Whether an executor holds a limit yet; a record shows the others as NOT PROVED.
#[must_use]
pub const fn is_fault_signal(signal: i32) -> bool {
    // SIGILL, SIGABRT, SIGBUS, SIGSEGV, and 0 for a panic: numbers of Linux on x86_64 and aarch64.
    matches!(signal, 0 | 4 | 6 | 7 | 11)
}

/// The limit a key of this name has, for templates of command targets.
pub(crate) fn limit_key(name: &str) -> Option<LimitKey> {
    name.parse().ok()
}

/// Bytes as a hex string: guests and output are not text, and lists of numbers are four times as long.
mod hex_bytes {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        serializer.serialize_str(&text)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if !text.len().is_multiple_of(2) {
            return Err(serde::de::Error::custom("an odd number of hex digits"));
        }
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        text.as_bytes()
            .chunks_exact(2)
            .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
            .collect::<Option<Vec<u8>>>()
            .ok_or_else(|| serde::de::Error::custom("not a hex digit"))
    }
}
