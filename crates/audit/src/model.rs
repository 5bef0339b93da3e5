//! The audit as plain versioned data: what every format is a function of.

use std::collections::BTreeMap;

use gauntlet_record::{CorpusInfo, Finding, Host, Layer, TargetInfo, Tool};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

/// The status of a line of the checklist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Evidence says yes.
    Satisfied,
    /// Evidence says no, or a person does.
    NotSatisfied,
    /// The policy or the host has nothing that the line is about.
    NotApplicable,
    /// A person says yes; nothing here proves it.
    Attested,
    /// Neither evidence nor a person has decided it.
    NeedsAPerson,
}

impl Status {
    /// Every status, in the order of reports.
    pub const ALL: &'static [Self] =
        &[Self::NotSatisfied, Self::NeedsAPerson, Self::Attested, Self::NotApplicable, Self::Satisfied];

    /// The words for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Satisfied => "satisfied",
            Self::NotSatisfied => "not satisfied",
            Self::NotApplicable => "not applicable",
            Self::Attested => "attested",
            Self::NeedsAPerson => "needs a person",
        }
    }
}

/// Who decided a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Decider {
    /// Trials, rules, checks or values of the policy.
    Evidence,
    /// A person, by name.
    Person,
    /// Nobody yet.
    Nobody,
}

/// A line of the checklist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Line {
    /// Its id.
    pub id: String,
    /// The id of its section.
    pub section: String,
    /// The title of its section.
    pub section_title: String,
    /// What it asks for.
    pub text: String,
    /// Its status.
    pub status: Status,
    /// Who decided it.
    pub decided_by: Decider,
    /// Why, in one sentence.
    pub says: String,
    /// What that rests on.
    pub evidence: Vec<Evidence>,
    /// What a person has to answer, where one has to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// What a person answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

/// A piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Evidence {
    /// What kind.
    pub kind: EvidenceKind,
    /// The trial, rule, check or key of the policy.
    pub id: String,
    /// What it says.
    pub says: String,
    /// Whether it speaks for the line; `null` if it decides nothing.
    pub holds: Option<bool>,
}

/// What a piece of evidence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceKind {
    /// A trial of the record, by attack and target.
    Trial,
    /// A rule of the linter.
    Rule,
    /// A check of the host, the supply chain or a drill.
    Check,
    /// A value of the policy.
    Value,
    /// What workers reported of their jail.
    Jail,
    /// What the executor measured.
    Measured,
}

impl EvidenceKind {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trial => "trial",
            Self::Rule => "rule",
            Self::Check => "check",
            Self::Value => "value",
            Self::Jail => "jail",
            Self::Measured => "measured",
        }
    }
}

/// What a person answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Answer {
    /// The line or risk.
    pub line: String,
    /// The answer.
    pub answer: Reply,
    /// Who.
    pub by: String,
    /// When, as `YYYY-MM-DD`.
    pub date: String,
    /// Why they may say so.
    pub note: String,
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// It is so.
    Yes,
    /// It is not.
    No,
    /// It does not apply here.
    NotApplicable,
    /// The residual risk is accepted. For risks only.
    Accepted,
}

impl Reply {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::NotApplicable => "not-applicable",
            Self::Accepted => "accepted",
        }
    }
}

/// What is claimed of the sandbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Claim {
    /// Its id.
    pub id: String,
    /// The claim.
    pub says: String,
    /// How it stands.
    pub standing: Standing,
    /// Why, in one sentence.
    pub why: String,
    /// What that rests on.
    pub evidence: Vec<Evidence>,
}

/// How a claim stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// All of its evidence is there and speaks for it.
    Supported,
    /// Some of its evidence is there and speaks for it, the rest is missing. For controls only.
    PartlySupported,
    /// Evidence speaks against it.
    Broken,
    /// Evidence is missing, so it is not claimed.
    NoEvidence,
}

impl Standing {
    /// Every standing, in the order of reports.
    pub const ALL: &'static [Self] = &[Self::Broken, Self::NoEvidence, Self::PartlySupported, Self::Supported];

    /// The words for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::PartlySupported => "partly supported",
            Self::Broken => "broken",
            Self::NoEvidence => "no evidence",
        }
    }
}

/// A framework of controls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Framework {
    /// Its id, as `--framework` takes it.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The edition that the ids are of.
    pub edition: String,
    /// Where it can be read.
    pub source: String,
    /// What is to be known of the mapping as a whole.
    pub note: String,
    /// The controls that claims are mapped to.
    pub controls: Vec<Control>,
}

/// A control of a framework, with what is mapped to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Control {
    /// Its id in the framework.
    pub id: String,
    /// What it is about, in our words.
    pub title: String,
    /// Why the claims support it.
    pub reason: String,
    /// Where a reader may disagree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
    /// Whether somebody held the id against the text of the edition.
    pub checked: bool,
    /// The claims.
    pub claims: Vec<String>,
    /// How the claims stand together. A test result is evidence for a control, not the control.
    pub standing: Standing,
    /// Why, in one sentence.
    pub why: String,
}

/// A level of likelihood, impact or risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
}

impl Level {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// A chapter of risk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Risk {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What can happen.
    pub says: String,
    /// How likely it is without the mitigations.
    pub likelihood: Level,
    /// How bad it is.
    pub impact: Level,
    /// Why these two.
    pub why: String,
    /// The claims that mitigate it, with how they stand.
    pub mitigations: Vec<Mitigation>,
    /// What is left.
    pub residual: Level,
    /// Why.
    pub residual_why: String,
    /// Who accepted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Answer>,
}

/// A claim that mitigates a risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Mitigation {
    /// The claim.
    pub claim: String,
    /// How it stands.
    pub standing: Standing,
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

/// The supply chain.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Supply {
    /// The advisory database, if one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseInfo>,
    /// The lists of dependencies that were looked at.
    pub lists: Vec<DependencyList>,
}

/// An advisory database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DatabaseInfo {
    /// Its commit, as the file beside it or the flag says; it is not checked.
    pub commit: Option<String>,
    /// SHA-256 over its files, in hex.
    pub sha256: String,
    /// How many advisories it holds.
    pub advisories: u64,
    /// The date of its newest advisory, as `YYYY-MM-DD`.
    pub newest: String,
    /// Days from then to the audit.
    pub age_days: u64,
    /// How old it was allowed to be, in days.
    pub most_days: u64,
}

/// A list of dependencies and what is open in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DependencyList {
    /// What it is of: `project`, `gauntlet`, `program:<name>`, `cargo-audit:<file>`, `engine:<target>`.
    pub of: String,
    /// Where it was read.
    pub source: String,
    /// SHA-256 of what was read, in hex.
    pub sha256: String,
    /// How many packages it names.
    pub packages: u64,
    /// Packages that no advisory can be looked up for: from git or another registry. Packages of the project itself are not among them.
    pub elsewhere: Vec<String>,
    /// Whether advisories were looked up.
    pub looked_up: bool,
    /// What concerns it.
    pub advisories: Vec<Advisory>,
    /// What is to be known of it.
    pub notes: Vec<String>,
}

/// An advisory that concerns a dependency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Advisory {
    /// Its id.
    pub id: String,
    /// Its names elsewhere.
    pub aliases: Vec<String>,
    /// The package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// What it is about.
    pub title: String,
    /// Its date, as `YYYY-MM-DD`.
    pub date: String,
    /// What kind: `vulnerability`, `unmaintained`, `unsound`, `notice` or `yanked`.
    pub kind: String,
    /// How bad: `low`, `medium`, `high` or `critical`. No score counts as high; what is no vulnerability as low, unsound as medium.
    pub severity: String,
    /// The versions that have the fix.
    pub patched: Vec<String>,
    /// Why it does not count, if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored: Option<String>,
}

impl Advisory {
    /// Whether it is open and a vulnerability or unsound.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.ignored.is_none() && matches!(self.kind.as_str(), "vulnerability" | "unsound")
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
