//! Errors tell about the host.

use gauntlet_policy::{Detail, Policy};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "error-detail-full",
    group: Group::Errors,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "errors tell about the host",
    why: "Paths, user names and addresses in an error help whoever attacks next.",
    impact: "an attacker learns paths, users and addresses of the host",
    fix: "Write `detail: generic`; the details are in the audit log.",
    references: &["CWE-209"],
    bad: "version: 1\nerrors: { detail: full }\n",
    flags: "full",
    good: "version: 1\nerrors: { detail: generic }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if policy.errors.value == Detail::Full {
        out.flag(&policy.errors.span, "`errors.detail` is full");
    }
}
