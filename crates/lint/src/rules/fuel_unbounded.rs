//! Fuel has no ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "fuel-unbounded",
    group: Group::Limits,
    severity: Severity::Low,
    category: Category::Performance,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "fuel has no ceiling",
    why: "With wall time alone, how far a guest gets depends on the load of the host, and no result can be repeated.",
    impact: "how far a guest gets depends on the load of the host",
    fix: "Set `limits.fuel`; `gauntlet exec --format json` tells what a guest used.",
    references: &["CWE-400"],
    bad: "version: 1\nlimits: { fuel: unlimited }\n",
    flags: "unlimited",
    good: "version: 1\nlimits: { fuel: 100_000_000 }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_unlimited(policy, LimitKey::Fuel);
}
