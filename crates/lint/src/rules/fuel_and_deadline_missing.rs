//! Neither fuel nor a deadline.

use gauntlet_policy::{Limit, Policy};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "fuel-and-deadline-missing",
    group: Group::Limits,
    severity: Severity::Critical,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "neither fuel nor a deadline",
    why: "With neither fuel nor a deadline nothing ends a guest that loops or sleeps for ever.",
    impact: "one guest holds a core and a slot for ever",
    fix: "Set `limits.deadline`; set `limits.fuel` besides, so that a result does not depend on the load of the host.",
    references: &["CWE-835", "CWE-400"],
    bad: "version: 1\nlimits: { fuel: unlimited, deadline: unlimited }\n",
    flags: "deadline: |unlimited",
    good: "version: 1\nlimits: { fuel: unlimited, deadline: 10s }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let (Limit::Unlimited(_), Limit::Unlimited(at)) = (policy.limits.fuel, &policy.limits.deadline) {
        out.flag(at, "`limits.fuel` and `limits.deadline` are both unlimited");
    }
}
