//! Rules over a policy.
//!
//! The linter's place on the line: `policy -> lint -> record`. A policy that [`Policy::parse`] could read goes through every rule; the
//! findings are plain [`Finding`]s of `record`. What could not be read becomes findings too, through [`faults_as_findings`], so that a
//! format never has to know two kinds. Text of the policy is escaped before it enters a finding: a policy is hostile until it is reviewed.
//!
//! ```
//! use gauntlet_lint::{Format, Options, lint, render};
//! use gauntlet_policy::Policy;
//!
//! let text = "version: 1\nlimits: { memory: unlimited }\n";
//! let policy = Policy::parse("sandbox.yaml", text).expect("a sound policy");
//! let findings = lint(&policy, &Options { today: Some("2026-01-31".into()), ..Options::default() });
//! assert!(findings.iter().any(|finding| finding.rule == "memory-unbounded"));
//!
//! let sources = [("sandbox.yaml".to_owned(), text.to_owned())];
//! assert!(render(&findings, &sources, Format::Human, false).contains("sandbox.yaml:2:19"));
//! ```

mod addresses;
mod engine;
mod escape;
mod explain;
pub mod files;
mod fingerprint;
mod fixes;
pub mod foreign;
mod formats;
mod host;
mod infer;
mod limits;
mod paths;
mod rule;
mod rules;
mod secrets;
mod structure;
mod waivers;

use std::cmp::Reverse;
use std::path::PathBuf;
use std::sync::Arc;

use gauntlet_inspect::Inspection;
use gauntlet_policy::{Fault, Policy};
use gauntlet_record::{Category, Confidence, Finding, Severity};

pub use explain::{explain, explain_all, pages};
pub use fingerprint::fingerprints;
pub use fixes::{Edit, Fix, Mended, apply, fixes, mend};
pub use formats::{Format, UnknownFormat, render};
pub use infer::{HEADROOM, Observed, Place, TIME_HEADROOM, UsedDirectory, infer, narrow};
pub use rule::{Findings, Group, Input, Rule};

/// What a rule tells about itself.
pub type RuleInfo = Rule;

/// The module that the examples of rules stand beside, as text, where a rule compares a policy with a module.
pub const EXAMPLE_MODULE: &str = include_str!("rules/example.wat");

/// What the linter is told besides the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The date that waivers are held against, as `YYYY-MM-DD`; a longer RFC 3339 time is cut. Without it no waiver expires.
    pub today: Option<String>,
    /// Whether rules may look at this host: at the directories that are granted, and at [`Options::facts`]. Default: yes. Without it one
    /// file gives the same findings everywhere.
    pub host: bool,
    /// What is known of this host besides its files; rules that need more than is known find nothing.
    pub facts: HostFacts,
    /// The directory that relative paths of a policy start from on this host. Default: the working directory, as for the executor.
    pub base: Option<PathBuf>,
    /// The version of wasmtime that guests run on, for advisories that are open for it. Without it none is looked for.
    pub engine: Option<String>,
    /// What is known of the module that is to run under the policy. Without it the rules that compare the two find nothing.
    pub module: Option<Arc<Inspection>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { today: None, host: true, facts: HostFacts::default(), base: None, engine: None, module: None }
    }
}

/// What somebody who can ask the host knows of it. The linter asks for nothing but files itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// The mechanisms of confinement that this host offers, by their keys under `isolation:`.
    pub mechanisms: Vec<String>,
    /// Memory that guests can use here, of the host or of its control group, in bytes.
    pub memory: Option<u64>,
    /// Whether the executor would run as root here.
    pub root: bool,
}

/// What came of one policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Linted {
    /// The findings that count, by their place in the file.
    pub findings: Vec<Finding>,
    /// The findings that a waiver of the policy accepts, by their place in the file.
    pub waived: Vec<Finding>,
}

/// Holds a policy against every rule. Findings that the policy waives are left out; [`lint_all`] has them too.
#[must_use]
pub fn lint(policy: &Policy, options: &Options) -> Vec<Finding> {
    lint_all(policy, options).findings
}

/// Holds a policy against every rule, and keeps apart what a waiver accepts.
///
/// A waiver takes effect if it names a rule, has a reason and has not expired. Findings about waivers cannot be waived.
#[must_use]
pub fn lint_all(policy: &Policy, options: &Options) -> Linted {
    lint_where(policy, options, |_| true)
}

/// Holds a policy against the rules that `wanted` takes: those of some groups, or some by name. Everything else as in [`lint_all`].
#[must_use]
pub fn lint_where(policy: &Policy, options: &Options, wanted: impl Fn(&Rule) -> bool) -> Linted {
    let mut found = Vec::new();
    for rule in rules::RULES.iter().copied().filter(|rule| {
        wanted(rule)
            && (options.host || rule.input != Input::Host)
            && (options.module.is_some() || rule.input != Input::Module)
    }) {
        let mut findings = Findings::new(policy, rule, options);
        (rule.check)(policy, &mut findings);
        found.append(&mut findings.into_inner());
    }
    sort(&mut found);
    let (waived, mut findings): (Vec<Finding>, Vec<Finding>) =
        found.into_iter().partition(|finding| waivers::accepts(policy, options.today.as_deref(), &finding.rule));
    if !policy.waivers.is_empty() {
        findings.append(&mut waivers::judge(policy, options, &waived, wanted));
        sort(&mut findings);
    }
    Linted { findings, waived }
}

/// Holds a text against every rule that makes sense for it: one of our policies, or one of another host in a format that is known by its
/// content.
///
/// # Errors
///
/// The structural faults of the text; [`faults_as_findings`] makes findings of them.
pub fn lint_text(name: &str, text: &str, options: &Options) -> Result<Linted, Vec<Fault>> {
    match foreign::recognise(text) {
        Some(kind) => foreign::read(kind, name, text).map(|foreign| foreign::lint_all(&foreign, options)),
        None => Policy::parse(name, text).map(|policy| lint_all(&policy, options)),
    }
}

/// The structural faults of a file as findings. Each is `high`: a file that two readers may take differently is not a policy.
#[must_use]
pub fn faults_as_findings(name: &str, text: &str, faults: &[Fault]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = faults
        .iter()
        .map(|fault| {
            let known = structure::FAULTS.iter().find(|rule| rule.id == fault.rule);
            let fix = if fault.fix.is_empty() { known.map_or("", |rule| rule.fix) } else { &fault.fix };
            Finding {
                rule: fault.rule.to_owned(),
                severity: Severity::High,
                category: known.map_or(Category::Security, |rule| rule.category),
                confidence: Confidence::High,
                message: escape::message(&fault.message),
                impact: known.map_or("", |rule| rule.impact).to_owned(),
                fix: escape::message(fix),
                location: rule::place(fault.span, name, text),
                references: known
                    .map_or(&[][..], |rule| rule.references)
                    .iter()
                    .map(|&reference| reference.to_owned())
                    .collect(),
            }
        })
        .collect();
    sort(&mut findings);
    findings
}

/// The rules, in the order of their list.
pub fn rules() -> impl Iterator<Item = &'static RuleInfo> {
    rules::RULES.iter().copied()
}

/// The structural faults that reading a policy can give, described like rules.
pub fn structural_faults() -> impl Iterator<Item = &'static RuleInfo> {
    structure::FAULTS.iter()
}

/// By place; at one place the worst first.
fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let key = |finding: &Finding| (finding.location.line, finding.location.column, Reverse(finding.severity));
        key(a).cmp(&key(b)).then_with(|| a.rule.cmp(&b.rule)).then_with(|| a.message.cmp(&b.message))
    });
}
