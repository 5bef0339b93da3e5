//! Runs leave no log.

use gauntlet_policy::Policy;
use gauntlet_record::Severity;

use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "audit-off",
    severity: Severity::Medium,
    summary: "runs leave no log",
    why: "Without a log nobody can tell later what ran, what it was denied and which limits it met.",
    fix: "Set `audit.log` to a file that no guest can write.",
    references: &["CWE-778", "NIST SP 800-53 AU-2"],
    bad: "version: 1\n",
    good: "version: 1\naudit: { log: audit.jsonl }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if policy.audit.log.is_none() {
        out.flag(&policy.section("audit"), "the policy names no `audit.log`");
    }
}
