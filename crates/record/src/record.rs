//! The record of a run: versioned data, sealed at the end.

use std::io::Read as _;
use std::path::Path;
use std::{fs, io};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Event, Finding, Granted, Severity, Trial, Verdict, exit, read_events};

/// The version of the record's shape.
pub const SCHEMA: &str = "gauntlet.record/1";

/// Most bytes of a record that is read back: a hostile file must not fill the memory.
const MAX_RECORD_BYTES: u64 = 512 << 20;

/// What a run found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Always `gauntlet.record/1`.
    pub schema: String,
    /// Whether the run ended by itself. A record that is not complete proves nothing.
    pub complete: bool,
    /// The tool that wrote it.
    pub tool: Tool,
    /// The host it ran on.
    pub host: Host,
    /// When it began, RFC 3339 in UTC.
    pub started: String,
    /// When it ended, RFC 3339 in UTC.
    pub finished: Option<String>,
    /// The command line as it was given. It may name paths of the host; `--redact` takes them out.
    pub command: Vec<String>,
    /// The seed of everything random.
    pub seed: u64,
    /// The targets.
    pub targets: Vec<TargetInfo>,
    /// The policy under test.
    pub policy: PolicyInfo,
    /// The corpus.
    pub corpus: CorpusInfo,
    /// The trials, in corpus order.
    #[serde(deserialize_with = "crate::shared::trials")]
    pub trials: Vec<Trial>,
    /// What the linter found in the policy.
    pub findings: Vec<Finding>,
    /// How many broken executors the corpus caught, where that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutation: Option<MutationScore>,
    /// Known gaps were allowed: they do not count for the exit code.
    #[serde(default)]
    pub known_allowed: bool,
    /// Known gaps that no longer breach, each as `attack on target`: their entries can go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed_gaps: Vec<String>,
    /// The part of a run that this record is, where the run was split over several machines or jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// The records that this one was merged from, each with its host and its time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

/// Which part of a run a record is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shard {
    /// Which one, from 1.
    pub index: u32,
    /// Of how many.
    pub of: u32,
    /// Every trial of the whole run, in the order of its record: what is missing after a merge can be named.
    pub planned: Vec<PlannedTrial>,
}

/// A trial by what makes it one: no two trials of a record have both in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct PlannedTrial {
    /// The target.
    pub target: String,
    /// The attack's id.
    pub attack: String,
}

/// A record that was merged into another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Which shard it was, as `2/3`; absent for a record that was none.
    pub shard: Option<String>,
    /// The host it ran on.
    pub host: Host,
    /// When it began.
    pub started: String,
    /// When it ended.
    pub finished: Option<String>,
    /// How many trials came from it.
    pub trials: u64,
}

/// The tool that wrote a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// `gauntlet`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The host that a run was on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// Operating system, for example `linux`.
    pub os: String,
    /// Kernel release.
    pub kernel: String,
    /// Architecture.
    pub arch: String,
    /// Cores.
    pub cores: u64,
    /// Memory, in bytes.
    pub memory: u64,
    /// Whether the run was privileged.
    pub root: bool,
    /// What the host offers for the worker's jail.
    pub mechanisms: Vec<Mechanism>,
}

/// A mechanism of confinement that a host offers, or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mechanism {
    /// Its name, as under `isolation:` in a policy.
    pub name: String,
    /// How much of it there is.
    pub granted: Granted,
    /// What was found, or why it is missing.
    pub note: String,
    /// How to get it, where it is missing.
    pub remedy: Option<String>,
}

/// A target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetInfo {
    /// Its name, as `--target` takes it.
    pub name: String,
    /// Its engine.
    pub engine: String,
    /// The engine's version.
    pub version: String,
    /// SHA-256 of what ran the guests, in hex: this program for our own executors, the target's file for a foreign one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// The policy under test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyInfo {
    /// The preset's name or the file as it was given.
    pub name: String,
    /// SHA-256 of its text, in hex.
    pub sha256: String,
    /// Every limit and grant, in the policy's order.
    pub values: Vec<PolicyValue>,
}

/// One limit or grant of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyValue {
    /// Its key, for example `limits.memory`.
    pub key: String,
    /// Its value, as a policy spells it, for example `128 MiB` or `none`.
    pub value: String,
    /// The line of the policy that sets it; absent for a default.
    pub line: Option<u32>,
    /// Why no trial can prove it yet: the executor does not hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_held: Option<String>,
}

/// The corpus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CorpusInfo {
    /// SHA-256 over all files of all selected attacks, in hex.
    pub sha256: String,
    /// How many attacks there are.
    pub attacks: u64,
    /// How many of them were selected.
    pub selected: u64,
}

/// How many executors that are broken on purpose were caught.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MutationScore {
    /// How many were caught.
    pub caught: u64,
    /// How many there are.
    pub total: u64,
    /// Each of them.
    pub mutations: Vec<Mutation>,
}

impl MutationScore {
    /// The mistakes that only one attack catches, each with that attack: were it lost, nothing would notice them.
    pub fn thin_cover(&self) -> impl Iterator<Item = (&str, &str)> {
        self.mutations.iter().filter_map(|mutation| match mutation.caught_by.as_slice() {
            [only] => Some((mutation.name.as_str(), only.attack.as_str())),
            _ => None,
        })
    }
}

/// One executor that is broken on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mutation {
    /// Its name.
    pub name: String,
    /// The mistake, in one sentence.
    pub mistake: String,
    /// Whether at least one attack was not contained, with the backstop layers lifted.
    pub caught: bool,
    /// The attacks that it let through or that came out inconclusive, with the verdict.
    pub caught_by: Vec<CaughtBy>,
    /// The attacks of `caught_by` that another layer stops when the backstops are left in place, with that layer.
    pub backstopped: Vec<Backstopped>,
}

/// An attack that caught a broken executor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaughtBy {
    /// The attack's id.
    pub attack: String,
    /// Its verdict on the broken executor.
    pub verdict: Verdict,
}

/// An attack that another layer stops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Backstopped {
    /// The attack's id.
    pub attack: String,
    /// The layer that held.
    pub layer: crate::Layer,
}

impl Record {
    /// How many trials ended with a verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.trials.iter().filter(|trial| trial.verdict == verdict).count()
    }

    /// The exit code of the run that this record describes; see [`exit`].
    ///
    /// A breach wins over anything else. Nothing proved is not a pass: a run that was cut off, in which a trial was inconclusive, or
    /// in which everything was unsupported is inconclusive.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let breached = self
            .trials
            .iter()
            .any(|trial| trial.verdict == Verdict::Breached && !(self.known_allowed && trial.known.is_some()));
        let missed = self.mutation.as_ref().is_some_and(|score| score.caught < score.total);
        let contained = self.count(Verdict::Contained) > 0;
        let open = self.count(Verdict::Inconclusive) > 0;
        let nothing = !contained && self.mutation.as_ref().is_none_or(|score| score.total == 0);
        if breached || missed {
            exit::BREACH
        } else if open || nothing || !self.complete {
            exit::INCONCLUSIVE
        } else {
            exit::CLEAN
        }
    }

    /// The worst severity among the findings.
    #[must_use]
    pub fn worst_finding(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

/// A record that cannot be read back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be read.
    #[error("cannot read it")]
    Io(#[from] io::Error),
    /// The file is larger than any record.
    #[error("larger than {} MiB, which no record is", MAX_RECORD_BYTES >> 20)]
    TooLarge,
    /// The file is not UTF-8.
    #[error("not UTF-8 at byte {0}")]
    NotUtf8(usize),
    /// The file is not a record.
    #[error("not a whole record")]
    Json(#[from] serde_json::Error),
    /// The record has another version.
    #[error("its schema is `{0}`, not `{SCHEMA}`")]
    Schema(String),
    /// The events file cannot be read back.
    #[error(transparent)]
    Events(#[from] crate::EventError),
}

/// Reads a sealed record, or the events file of a run that was killed.
///
/// # Errors
///
/// If the file cannot be read, is not UTF-8, is too large, is cut in the middle or has another version.
pub fn read(path: &Path) -> Result<Record, ReadError> {
    let file = fs::File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file").into());
    }
    let size = file.metadata()?.len().min(MAX_RECORD_BYTES);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    file.take(MAX_RECORD_BYTES + 1).read_to_end(&mut bytes)?;
    parse(&bytes)
}

/// A record, or the events of a run, from bytes.
///
/// # Errors
///
/// As [`read`], but for the file.
pub fn parse(bytes: &[u8]) -> Result<Record, ReadError> {
    if bytes.len() as u64 > MAX_RECORD_BYTES {
        return Err(ReadError::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| ReadError::NotUtf8(error.valid_up_to()))?;
    let record = if text.lines().next().is_some_and(|line| serde_json::from_str::<Event>(line).is_ok()) {
        read_events(text)?
    } else {
        serde_json::from_str::<Record>(text).map_err(|error| newer(text).unwrap_or(ReadError::Json(error)))?
    };
    if record.schema != SCHEMA {
        return Err(ReadError::Schema(record.schema));
    }
    Ok(record)
}

/// What is wrong with a record of another version, which may hold anything besides.
fn newer(text: &str) -> Option<ReadError> {
    #[derive(Deserialize)]
    struct Versioned {
        schema: String,
    }
    let found = serde_json::from_str::<Versioned>(text).ok()?;
    (found.schema != SCHEMA).then_some(ReadError::Schema(found.schema))
}

/// SHA-256 in lower-case hex.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The JSON Schema of a record, generated from the types.
///
/// # Panics
///
/// Never: a schema is plain JSON.
#[must_use]
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(Record);
    serde_json::to_string_pretty(&schema).expect("a schema is plain JSON") + "\n"
}
