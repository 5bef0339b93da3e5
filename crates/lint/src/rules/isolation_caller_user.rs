//! The worker keeps the user of its caller.

use gauntlet_policy::{Policy, User};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "isolation-caller-user",
    group: Group::Isolation,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the worker keeps the user of its caller",
    why: "A worker that is broken out of has the rights of whoever started it; often that is root.",
    impact: "an escaped guest has the rights of whoever started it",
    fix: "Write `user: unprivileged`.",
    references: &["CWE-250", "NIST SP 800-190 3.5.4"],
    bad: "version: 1\nisolation: { user: caller }\n",
    flags: "caller",
    good: "version: 1\nisolation: { user: unprivileged }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if policy.isolation.user.value == User::Caller {
        out.flag(&policy.isolation.user.span, "`isolation.user` is the caller");
    }
}
