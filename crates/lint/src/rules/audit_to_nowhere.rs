//! The audit log goes nowhere.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Clean;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "audit-to-nowhere",
    group: Group::Audit,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the audit log goes nowhere",
    why: "A device keeps nothing: the policy looks as if runs were logged.",
    impact: "after an attack nobody can tell what happened, and everybody believed otherwise",
    fix: "Name a file that somebody keeps.",
    references: &["CWE-778"],
    bad: "version: 1\naudit: { log: /dev/null }\n",
    flags: "/dev/null",
    good: "version: 1\naudit: { log: audit.jsonl }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Some(log) = &policy.audit.log {
        let path = Clean::of(&log.value);
        let device = path.is_within_any(&["/dev", "/proc"]) && !path.is_within_any(&["/dev/shm"]);
        if device || log.value.trim().is_empty() || matches!(log.value.to_lowercase().as_str(), "nul" | "-" | "none") {
            out.flag(&log.span, format!("the log `{}` keeps nothing", log.value));
        }
    }
}
