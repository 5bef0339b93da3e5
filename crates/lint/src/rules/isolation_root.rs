//! Guests would run as root here.

use gauntlet_policy::{Policy, User};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "isolation-root",
    group: Group::Isolation,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Host,
    summary: "guests would run as root here",
    why: "The worker keeps the user of its caller, and that is root on this host.",
    impact: "an escaped guest is root on the host",
    fix: "Write `user: unprivileged`, or start the executor as another user.",
    references: &["CWE-250", "NIST SP 800-190 3.5.4"],
    bad: "version: 1\nisolation: { user: caller }\n",
    flags: "caller",
    good: "version: 1\nisolation: { user: unprivileged }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if policy.isolation.user.value == User::Caller && out.options().facts.root {
        out.flag(&policy.isolation.user.span, "`isolation.user` is the caller, who is root here");
    }
}
