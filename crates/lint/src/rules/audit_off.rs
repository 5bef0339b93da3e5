//! Runs leave no log.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "audit-off",
    group: Group::Audit,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "runs leave no log",
    why: "Without a log nobody can tell later what ran, what it was denied and which limits it met.",
    impact: "after an attack nobody can tell what happened",
    fix: "Set `audit.log` to a file that no guest can write.",
    references: &["CWE-778", "NIST SP 800-53 AU-2"],
    bad: "version: 1\n",
    flags: "version",
    good: "version: 1\naudit: { log: audit.jsonl }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if policy.audit.log.is_none() {
        out.flag(&policy.section("audit"), "the policy names no `audit.log`");
    }
}
