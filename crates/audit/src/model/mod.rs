//! The audit as plain versioned data: what every format is a function of.

mod claims;
mod lines;
mod supply;

use std::collections::BTreeMap;

use gauntlet_record::{CorpusInfo, Finding, Host, Layer, TargetInfo, Tool};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use claims::{Claim, Control, Framework, Level, Mitigation, Risk, Standing};
pub use lines::{Answer, Decider, Evidence, EvidenceKind, Line, Reply, Status};
pub use supply::{Advisory, DatabaseInfo, DependencyList, Supply};

/// The version of the audit's shape.
pub const SCHEMA: &str = "gauntlet.audit-report/1";

/// An audit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Audit {
    /// Always `gauntlet.audit-report/1`.
    pub schema: String,
    /// The tool that wrote it.
    pub tool: Tool,
    /// When, RFC 3339 in UTC.
    pub made: String,
    /// The command line.
    pub command: Vec<String>,
    /// What was tested: the record that the audit stands on.
    pub subject: Subject,
    /// How many lines have which status.
    pub summary: Summary,
    /// The baseline checklist, line by line.
    pub lines: Vec<Line>,
    /// The chapters of risk.
    pub risks: Vec<Risk>,
    /// What is claimed of the sandbox, each with its evidence.
    pub claims: Vec<Claim>,
    /// The claims by the controls of a framework.
    pub frameworks: Vec<Framework>,
    /// What was looked at besides the trials: the host, the supply chain, the drills.
    pub checks: Vec<Check>,
    /// The supply chain: databases, lists of dependencies and what is open in them.
    pub supply: Supply,
    /// What the linter found in the policy.
    pub lint: Lint,
    /// Which layers stop each attack, if they were lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<Layers>,
    /// How many broken executors the corpus caught, if that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutation: Option<Mutation>,
    /// What the audit does not know.
    pub unknown: Vec<String>,
}

/// The record that an audit stands on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Subject {
    /// SHA-256 of `record.json` in the bundle, in hex.
    pub record_sha256: String,
    /// Whether the run ended by itself. A record that is not complete proves nothing.
    pub complete: bool,
    /// When the run began.
    pub started: String,
    /// When it ended.
    pub finished: Option<String>,
    /// The host.
    pub host: Host,
    /// The targets.
    pub targets: Vec<TargetInfo>,
    /// The policy's name.
    pub policy: String,
    /// SHA-256 of the policy, in hex.
    pub policy_sha256: String,
    /// The corpus.
    pub corpus: CorpusInfo,
    /// Trials by verdict.
    pub trials: BTreeMap<String, u64>,
    /// Trials whose live control showed on this host that the attack works.
    pub witnessed: u64,
}

/// How many lines have which status.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// All lines.
    pub lines: u64,
    /// Lines by status.
    pub by_status: BTreeMap<Status, u64>,
    /// Lines that evidence decided, either way.
    pub decided_by_evidence: u64,
    /// Claims by standing.
    pub claims: BTreeMap<Standing, u64>,
    /// Advisories that are open and count.
    pub open_advisories: u64,
    /// Exit code of the audit; see [`gauntlet_record::exit`].
    pub exit: u8,
}

/// Something that was looked at besides the trials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// Its id: the area, a slash and a name.
    pub id: String,
    /// What is looked for.
    pub title: String,
    /// What came of it.
    pub state: State,
    /// What was found, in one sentence.
    pub says: String,
    /// Where that was read.
    pub source: String,
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is as it should be.
    Holds,
    /// It is not.
    Fails,
    /// It could not be seen.
    Unknown,
    /// There is nothing to look at.
    NotApplicable,
    /// It is told and judged by nobody.
    Told,
}

impl State {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails => "fails",
            Self::Unknown => "unknown",
            Self::NotApplicable => "not applicable",
            Self::Told => "told",
        }
    }
}

impl Check {
    /// A check with what came of it.
    #[must_use]
    pub fn new(id: &str, title: &str, state: State, says: impl Into<String>, source: impl Into<String>) -> Self {
        Self { id: id.into(), title: title.into(), state, says: says.into(), source: source.into() }
    }
}

/// What the linter found in the policy.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Lint {
    /// Where the findings are from.
    pub source: String,
    /// The findings that count.
    pub findings: Vec<Finding>,
    /// The findings that a waiver of the policy accepts; `null` if that cannot be known from a saved record.
    pub waived: Option<Vec<Finding>>,
    /// The module that the policy was compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
}

/// Which layers of defence stop each attack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Layers {
    /// Whether every attack was looked at.
    pub complete: bool,
    /// How many attacks were looked at.
    pub attacks: u64,
    /// How many of them each layer was shown to stop on its own.
    pub by_layer: BTreeMap<String, u64>,
    /// Attacks that two layers or more were shown to stop.
    pub deep: u64,
    /// Attacks of one layer, with the reason why that is accepted, if it is.
    pub single: BTreeMap<String, Option<String>>,
    /// Each attack with the layers that were shown to stop it.
    pub stopped_by: BTreeMap<String, Vec<Layer>>,
    /// Denials that were seen and reported, over all attacks.
    pub alerts: u64,
}

/// How many broken executors the corpus caught.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Mutation {
    /// How many were caught.
    pub caught: u64,
    /// How many there are.
    pub total: u64,
    /// Those that were not.
    pub missed: Vec<String>,
    /// Whether it was measured with the corpus of the record.
    pub same_corpus: bool,
}

/// The JSON Schema of an audit, generated from the types.
///
/// # Panics
///
/// Never: a schema is plain JSON.
#[must_use]
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(Audit);
    serde_json::to_string_pretty(&schema).expect("a schema is plain JSON") + "\n"
}
