//! The lines of an audit log, `gauntlet.audit/1`: one JSON object a line, of bounded length, whatever a guest wrote.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use gauntlet_record::{Cause, Ending, Granted, GuestText, LimitKey, Severity};
use gauntlet_target::Outcome;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::alerts::Alert;
use crate::events::{EventKind, SecurityEvent};
use crate::tenants::{Refused, RefusedWhy, Tenant};
use crate::watch::Placement;

/// The schema of the lines. A reader that knows it can read every later line with the same number; new keys may be added.
pub const AUDIT_SCHEMA: &str = "gauntlet.audit/1";
/// The longest line, in bytes, with its newline.
pub const MAX_LINE_BYTES: usize = 32 << 10;
/// Most denials that a line lists; the others are counted.
pub const MAX_LISTED_DENIALS: usize = 16;

// Escaping makes of one byte seven at most, so a line of these parts stays well under its bound.
const MAX_ASKED: usize = 128;
const MAX_DETAIL: usize = 512;
const MAX_WORD: usize = 64;
const MAX_MECHANISMS: usize = 16;

/// The beginning of every line. No text within a line can hold it: a quotation mark inside a JSON string is escaped.
pub(super) const LINE_START: &str = "{\"schema\":\"gauntlet.audit/1\",\"kind\":";

/// One run, by a number that is drawn at random: 128 bits, so that several processes need no common counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(u128);

impl RunId {
    /// Draws a new one.
    ///
    /// # Errors
    ///
    /// If the system gives no random numbers.
    pub fn draw() -> std::io::Result<Self> {
        let mut bytes = [0; 16];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            filled += match rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty()) {
                Ok(drawn) => drawn,
                Err(rustix::io::Errno::INTR) => 0,
                Err(errno) => return Err(errno.into()),
            };
        }
        Ok(Self(u128::from_be_bytes(bytes)))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Text that is no run id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a run id is 32 hex digits")]
pub struct NoRunId;

impl FromStr for RunId {
    type Err = NoRunId;

    fn from_str(text: &str) -> Result<Self, NoRunId> {
        if text.len() != 32 || text.bytes().any(|byte| !byte.is_ascii_hexdigit()) {
            return Err(NoRunId);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| NoRunId)
    }
}

impl Serialize for RunId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditLine {
    /// [`AUDIT_SCHEMA`].
    pub schema: String,
    /// What it says.
    #[serde(flatten)]
    pub entry: AuditEntry,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum AuditEntry {
    /// A run begins. Written before the guest is read.
    Start(Box<StartLine>),
    /// A run that began in a file that was rotated away goes on; so that each file can be read by itself.
    Running(Box<StartLine>),
    /// A run is over.
    End(Box<EndLine>),
    /// A run was not admitted.
    Refused(Box<RefusedLine>),
    /// Somebody was told.
    Alert(Box<Alert>),
    /// No run from before this line is open; a reader that looks for open runs may begin here.
    Checkpoint {
        /// When, RFC 3339 in UTC.
        time: String,
    },
}

/// The process that wrote a line, as exactly as Linux names one; what cannot be read is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProcessName {
    /// The host's name.
    pub node: Option<String>,
    /// The boot, from `/proc/sys/kernel/random/boot_id`.
    pub boot: Option<String>,
    /// The pid namespace, by its inode.
    pub pid_namespace: Option<u64>,
    /// The process id in that namespace.
    pub pid: u32,
    /// When it started, in the kernel's ticks since the boot: process ids are used again, this pair is not.
    pub started: Option<u64>,
}

/// The start of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct StartLine {
    /// Which run.
    pub run: RunId,
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// Whose, escaped and cut.
    pub tenant: String,
    /// SHA-256 of the tenant's whole name.
    pub tenant_sha256: String,
    /// SHA-256 of the guest's bytes.
    pub module: String,
    /// SHA-256 of the policy.
    pub policy: String,
    /// The engine.
    pub engine: String,
    /// The engine's version.
    pub engine_version: String,
    /// The version of Gauntlet.
    pub tool_version: String,
    /// Where the guest runs.
    pub placement: Placement,
    /// The process that runs it.
    pub process: ProcessName,
}

/// How a run ended, for the log: as an outcome has it, or without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditEnding {
    /// With an outcome.
    Ended(Ending),
    /// The executor could not run the guest: an error of ours or of the host.
    Failed,
    /// Nobody knows: the process that ran it died, or gave the run up without a word.
    Lost,
}

impl fmt::Display for AuditEnding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ended(ending) => ending.as_str(),
            Self::Failed => "failed",
            Self::Lost => "lost",
        })
    }
}

impl Serialize for AuditEnding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AuditEnding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        match word.as_str() {
            "failed" => Ok(Self::Failed),
            "lost" => Ok(Self::Lost),
            _ => word.parse().map(Self::Ended).map_err(serde::de::Error::custom),
        }
    }
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct EndLine {
    /// Which run.
    pub run: RunId,
    /// When this was written, RFC 3339 in UTC.
    pub time: String,
    /// Whose, escaped and cut.
    pub tenant: String,
    /// SHA-256 of the tenant's whole name.
    pub tenant_sha256: String,
    /// SHA-256 of the guest's bytes.
    pub module: String,
    /// SHA-256 of the policy.
    pub policy: String,
    /// Where the guest ran.
    pub placement: Placement,
    /// How it ended.
    pub ending: AuditEnding,
    /// The typed reason, where there is one.
    pub cause: Option<Cause>,
    /// The guest's exit code, if it gave one: testimony.
    pub exit_code: Option<i32>,
    /// The signal that ended the worker, if it died; 0 for a panic.
    pub signal: Option<i32>,
    /// Detail for the host's side, escaped and cut.
    pub detail: String,
    /// From the start to the end as the host saw it, in nanoseconds; `null` for a lost run.
    pub duration: Option<u64>,
    /// Used and limit of each resource in its own unit; `used` is `null` where nobody measured.
    pub usage: BTreeMap<LimitKey, UsedOf>,
    /// What was denied.
    pub denials: Vec<DenialLine>,
    /// How many further kinds of denials there were.
    pub denials_not_listed: u64,
    /// Whether output was cut by the limit.
    pub truncated: bool,
    /// Bytes of standard output that were kept.
    pub stdout_bytes: u64,
    /// Bytes of standard error that were kept.
    pub stderr_bytes: u64,
    /// What the jail gave, by mechanism.
    pub confinement: BTreeMap<String, Granted>,
    /// Security events by kind.
    pub events: BTreeMap<EventKind, u64>,
    /// The worst severity among them.
    pub worst: Option<Severity>,
    /// The threat score of this run, 0 to 100; `null` for a run without outcome.
    pub threat: Option<u32>,
    /// Written for a process that died, by a later one.
    pub recovered: bool,
}

/// Used and limit of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedOf {
    /// What was used; `null` where nobody measured.
    pub used: Option<u64>,
    /// The limit in force; `null` is unlimited.
    pub limit: Option<u64>,
}

/// Something that was denied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenialLine {
    /// Why.
    pub cause: Cause,
    /// What was asked, escaped.
    pub asked: String,
    /// Whether what was asked was longer.
    pub cut: bool,
    /// The limit that was met.
    pub limit: Option<u64>,
    /// How often.
    pub count: u64,
}

/// A run that was not admitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct RefusedLine {
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// Whose, escaped and cut.
    pub tenant: String,
    /// SHA-256 of the tenant's whole name.
    pub tenant_sha256: String,
    /// SHA-256 of the guest's bytes.
    pub module: String,
    /// SHA-256 of the policy.
    pub policy: String,
    /// Why.
    pub why: RefusedWhy,
    /// How many runs of this tenant were refused since it was last admitted. Only the first, second, fourth, eighth and so on have a
    /// line, so that nobody fills the log with them.
    pub count: u64,
}

impl AuditLine {
    pub(crate) fn new(entry: AuditEntry) -> Self {
        Self { schema: AUDIT_SCHEMA.to_owned(), entry }
    }

    /// Reads a line back. What a torn write left before it is passed over.
    ///
    /// # Errors
    ///
    /// If it is no line of this schema.
    pub fn parse(line: &str) -> serde_json::Result<Self> {
        let start = line.rfind(LINE_START).unwrap_or(0);
        serde_json::from_str(line.get(start..).unwrap_or(line).trim_end_matches('\n'))
    }

    /// The line as it is written, newline included. Never longer than [`MAX_LINE_BYTES`].
    pub(crate) fn render(&self) -> Vec<u8> {
        let render = |line: &Self| serde_json::to_vec(line).expect("maps with string keys and finite numbers only");
        let mut bytes = render(self);
        if bytes.len() >= MAX_LINE_BYTES
            && let AuditEntry::End(end) = &self.entry
        {
            // The parts are bounded so that this does not happen; a line that is short of detail is still better than a broken one.
            let mut end = end.clone();
            end.denials_not_listed = end.denials_not_listed.saturating_add(end.denials.len() as u64);
            end.denials.clear();
            end.detail.clear();
            end.confinement.clear();
            bytes = render(&Self::new(AuditEntry::End(end)));
        }
        bytes.push(b'\n');
        bytes
    }
}

/// A short text of somebody else's: one printable line, bounded.
pub(crate) fn tame(text: &str, keep: usize) -> String {
    GuestText::new(text.as_bytes(), keep).as_str().to_owned()
}

/// A digest or a version: short in any case.
pub(crate) fn word(text: &str) -> String {
    tame(text, MAX_WORD)
}

impl StartLine {
    /// The end of this run without any outcome.
    pub(crate) fn end(&self, ending: AuditEnding, time: String) -> EndLine {
        EndLine {
            run: self.run,
            time,
            tenant: self.tenant.clone(),
            tenant_sha256: self.tenant_sha256.clone(),
            module: self.module.clone(),
            policy: self.policy.clone(),
            placement: self.placement,
            ending,
            cause: None,
            exit_code: None,
            signal: None,
            detail: String::new(),
            duration: None,
            usage: BTreeMap::new(),
            denials: Vec::new(),
            denials_not_listed: 0,
            truncated: false,
            stdout_bytes: 0,
            stderr_bytes: 0,
            confinement: BTreeMap::new(),
            events: BTreeMap::new(),
            worst: None,
            threat: None,
            recovered: false,
        }
    }
}

impl EndLine {
    /// Adds what an outcome says. Nothing in it is trusted to be short: some of it comes from the worker.
    pub(crate) fn with(mut self, outcome: &Outcome, events: &[SecurityEvent]) -> Self {
        let end = &outcome.ending;
        self.cause = end.cause;
        self.exit_code = end.exit_code;
        self.signal = end.signal;
        self.detail = tame(&end.detail, MAX_DETAIL);
        for usage in &outcome.usage {
            self.usage.entry(usage.limit).or_insert(UsedOf { used: usage.used, limit: usage.cap });
        }
        self.denials = outcome
            .denials
            .iter()
            .take(MAX_LISTED_DENIALS)
            .map(|denial| DenialLine {
                cause: denial.cause,
                asked: tame(&denial.asked, MAX_ASKED),
                cut: denial.asked.len() > MAX_ASKED,
                limit: denial.limit,
                count: denial.count,
            })
            .collect();
        self.denials_not_listed = outcome.denials.len().saturating_sub(MAX_LISTED_DENIALS) as u64;
        self.truncated = outcome.truncated;
        self.stdout_bytes = outcome.stdout.len() as u64;
        self.stderr_bytes = outcome.stderr.len() as u64;
        let mechanisms = outcome.confinement.iter().take(MAX_MECHANISMS);
        self.confinement = mechanisms.map(|mechanism| (word(&mechanism.mechanism), mechanism.granted)).collect();
        for event in events {
            *self.events.entry(event.kind).or_default() += 1;
        }
        self.worst = events.iter().map(|event| event.severity).max();
        self
    }
}

impl RefusedLine {
    pub(crate) fn new(refused: &Refused, module: &str, policy: &str, time: String) -> Self {
        Self {
            time,
            tenant: refused.tenant.name().to_owned(),
            tenant_sha256: refused.tenant.sha256().to_owned(),
            module: word(module),
            policy: word(policy),
            why: refused.why.clone(),
            count: refused.count,
        }
    }
}

/// Puts the tenant's two names into a line.
pub(crate) fn names(tenant: &Tenant) -> (String, String) {
    (tenant.name().to_owned(), tenant.sha256().to_owned())
}
