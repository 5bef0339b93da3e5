//! Neither fuel nor a deadline.

use gauntlet_policy::{Limit, Policy};
use gauntlet_record::Severity;

use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "fuel-and-deadline-missing",
    severity: Severity::Critical,
    summary: "neither fuel nor a deadline",
    why: "With neither fuel nor a deadline nothing ends a guest that loops or sleeps for ever.",
    fix: "Set `limits.deadline`; set `limits.fuel` besides, so that a result does not depend on the load of the host.",
    references: &["CWE-835", "CWE-400"],
    bad: "version: 1\nlimits: { fuel: unlimited, deadline: unlimited }\n",
    good: "version: 1\nlimits: { fuel: unlimited, deadline: 10s }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let (Limit::Unlimited(_), Limit::Unlimited(at)) = (policy.limits.fuel, &policy.limits.deadline) {
        out.flag(at, "`limits.fuel` and `limits.deadline` are both unlimited");
    }
}
