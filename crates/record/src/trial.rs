//! One trial: an attack, its live control and its benign twin, with what the host measured.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Cause, DenialKind, Ending, GuestText, Layer, LimitKey, Shared, Verdict};

/// Which of the three runs of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The attack under the policy.
    Attack,
    /// The attack with the protection under test lifted: it has to work.
    Live,
    /// The harmless twin under the policy: it has to do its work.
    Benign,
}

impl Role {
    /// The word as records spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attack => "attack",
            Self::Live => "live",
            Self::Benign => "benign",
        }
    }
}

/// Where a value in force came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The strict default: the policy does not name it.
    Default,
    /// The policy under test.
    Policy,
    /// The attack's overlay, which only tightens.
    Attack,
    /// The live control, which opens.
    Control,
}

/// A limit or grant that was in force in a run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ValueInForce {
    /// Its key, for example `limits.memory`.
    pub key: String,
    /// Its value, as a policy would spell it.
    pub value: String,
    /// Where it came from.
    pub from: Origin,
}

/// Something that the guest asked for and did not get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Denial {
    /// Why.
    pub cause: Cause,
    /// What was asked: a function, a path, an amount. Chosen by the guest.
    pub asked: GuestText,
    /// The limit that was met, in the limit's own unit.
    pub limit: Option<u64>,
    /// How often.
    pub count: u64,
}

impl Denial {
    /// The kind of thing that was denied, if it was not a limit.
    #[must_use]
    pub const fn kind(&self) -> Option<DenialKind> {
        match self.cause {
            Cause::Denied(kind) => Some(kind),
            _ => None,
        }
    }
}

/// How much of a resource was used, as the executor counts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// The limit that bounds the resource.
    pub limit: LimitKey,
    /// What was used, in the limit's unit (nanoseconds, bytes or a count). `null` where nobody measured.
    pub used: Option<u64>,
    /// The limit in force; `null` is unlimited.
    pub cap: Option<u64>,
    /// Why `used` is null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmeasured: Option<String>,
}

/// What the host measured of a run, from outside the sandbox. Times in nanoseconds, sizes in bytes; `null` where it could not look.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Measured {
    /// Wall time from starting the target to its answer or end.
    pub wall_time: Option<u64>,
    /// CPU time, user and system, of the target's processes.
    pub cpu_time: Option<u64>,
    /// Peak resident memory of the target's processes, less an empty guest's.
    pub memory: Option<u64>,
    /// Bytes that arrived on standard output and standard error.
    pub output: Option<u64>,
    /// Files and directories that appeared under the grants.
    pub files: Option<u64>,
    /// Bytes of disk blocks that appeared under the grants.
    pub disk: Option<u64>,
    /// Most descriptors that the target's processes held at once, less an empty guest's.
    pub open_files: Option<u64>,
    /// Most threads, less an empty guest's.
    pub threads: Option<u64>,
    /// Most processes, less an empty guest's.
    pub processes: Option<u64>,
    /// Read and write system calls of the target's processes.
    pub io_calls: Option<u64>,
    /// Bytes of the largest report that shows this run.
    pub report_bytes: Option<u64>,
    /// Channels in which a canary from outside the grants appeared.
    pub canaries: Vec<String>,
    /// What changed although it must not: paths relative to the trial's world.
    pub changed: Vec<GuestText>,
    /// Listeners of the harness that saw a packet or a connection.
    pub packets: Vec<String>,
    /// The signal or panic that ended the target's process, if it died.
    pub host_death: Option<String>,
    /// Raw payloads that reached a report.
    pub reports: Vec<String>,
    /// Whether the guest's marker arrived, which only running code can make.
    pub ran: bool,
    /// The run was ended by the harness's own watchdog, not by the target.
    pub watchdog: bool,
    /// The run was ended at the memory ceiling of the harness, not by the target.
    #[serde(default)]
    pub ceiling: bool,
}

/// How much of one mechanism of the worker's jail the host granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Granted {
    /// All that was asked for.
    Full,
    /// A part of it.
    Partial,
    /// Nothing.
    None,
}

/// One mechanism of the worker's jail, as the worker achieved it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Confinement {
    /// The mechanism, for example `landlock`.
    pub mechanism: String,
    /// How much of it the host granted.
    pub granted: Granted,
    /// Details for people.
    pub note: String,
}

/// How a run ended, with its details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndingInfo {
    /// How it ended.
    pub ending: Ending,
    /// The typed reason, where there is one.
    pub cause: Option<Cause>,
    /// Detail for people: the trap, the exit code, the signal, the names of the frames. Partly chosen by the guest.
    pub detail: Option<GuestText>,
}

/// One run of a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Which of the three.
    pub role: Role,
    /// Whether the host saw `obtains` come true. For the benign twin: whether it did its work.
    pub obtained: bool,
    /// How it ended.
    #[serde(flatten)]
    pub end: EndingInfo,
    /// Everything that stopped the guest somewhere, in order.
    pub causes: Vec<Cause>,
    /// What the guest asked for and did not get.
    pub denials: Vec<Denial>,
    /// What the host measured.
    pub measured: Measured,
    /// What the executor counted: its word, beside the host's.
    pub usage: Vec<Usage>,
    /// The limits and grants in force.
    pub values: Shared<ValueInForce>,
    /// The start of standard output.
    pub stdout: GuestText,
    /// The start of standard error.
    pub stderr: GuestText,
    /// Whether output was cut by the limit.
    pub truncated: bool,
    /// The jail that the worker reported.
    pub confinement: Shared<Confinement>,
    /// The target that ran it, when it is not the one under test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witnessed_on: Option<String>,
}

/// Why a verdict is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Stopped for a listed cause; both controls held.
    Stopped,
    /// The target shows no cause; nothing was obtained and both controls held. Weak.
    StoppedSilently,
    /// The host saw `obtains` under the policy.
    Obtained,
    /// The process that ran the guest died of a fault.
    HostDied,
    /// The live control did not obtain anything: the attack proves nothing here.
    LiveFailed,
    /// The benign twin did not do its work.
    BenignFailed,
    /// Nothing was obtained, for a cause that the attack does not list.
    OtherCause,
    /// The host could not measure what `obtains` asks for.
    NotMeasured,
    /// What the executor claims and what the host measured disagree.
    Disagrees,
    /// The harness erred.
    HarnessError,
    /// The live control does not fit under the memory ceiling of the harness.
    TooLarge,
    /// The target lacks a feature that the attack requires.
    Lacking,
}

/// A gap of a target that is known and listed with a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Known {
    /// Why it is accepted.
    pub reason: String,
    /// Where it is discussed.
    pub link: String,
}

/// One attack against one target, with its controls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trial {
    /// The attack's id: its path in the corpus.
    pub attack: String,
    /// What the attack does, in a few words.
    pub title: String,
    /// Why it matters.
    pub why_it_matters: String,
    /// The weakness, for example `CWE-770`.
    pub weakness: String,
    /// Where the attack is written down, as a path in the repository.
    pub file: String,
    /// The target.
    pub target: String,
    /// What was found.
    pub verdict: Verdict,
    /// Why.
    pub why: Why,
    /// The same for people.
    pub reason: String,
    /// What the host measures, as the attack states it.
    pub obtains: String,
    /// The causes that count as contained.
    pub contained_by: Vec<Cause>,
    /// The cause that was seen, if it counts.
    pub cause: Option<Cause>,
    /// The layer that stopped it.
    pub layer: Option<Layer>,
    /// The keys of the policy that this trial is evidence for, for example `limits.memory`.
    pub subjects: Vec<String>,
    /// Whether a live control showed on this host that the attack works.
    pub witnessed: bool,
    /// Why there is no live control, if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_reason: Option<String>,
    /// The gap is known and listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Known>,
    /// The limit under test and how close it came: the cap, what was used, how far past it the guest got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closeness: Option<Closeness>,
    /// The guests, by digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guests: Vec<Guest>,
    /// The runs, the attack first.
    pub runs: Vec<Run>,
    /// Wall time of the whole trial, in nanoseconds.
    pub duration: u64,
    /// Outside sources.
    pub references: Vec<String>,
}

/// A guest of a trial, by the bytes that were run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Guest {
    /// The attack, which the live control runs too, or its harmless twin.
    pub role: Role,
    /// SHA-256 of the module or component, in hex.
    pub sha256: String,
}

/// How close a guest came to a limit, and past it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Closeness {
    /// The limit.
    pub limit: LimitKey,
    /// Its value in force, in its unit.
    pub cap: u64,
    /// The most that was used, as the host measured it or, where the host cannot see it, as the executor counted it.
    pub used: u64,
    /// Whether `used` is the host's measurement.
    pub by_host: bool,
    /// How far past the limit: `used - cap`, or 0.
    pub overshoot: u64,
}

impl Trial {
    /// The run of a role.
    #[must_use]
    pub fn run(&self, role: Role) -> Option<&Run> {
        self.runs.iter().find(|run| run.role == role)
    }
}
