//! Fuel has no ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{LimitKey, Severity};

use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "fuel-unbounded",
    severity: Severity::Low,
    summary: "fuel has no ceiling",
    why: "With wall time alone, how far a guest gets depends on the load of the host, and no result can be repeated.",
    fix: "Set `limits.fuel`; `gauntlet exec --format json` tells what a guest used.",
    references: &["CWE-400"],
    bad: "version: 1\nlimits: { fuel: unlimited }\n",
    good: "version: 1\nlimits: { fuel: 100_000_000 }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_unlimited(policy, LimitKey::Fuel);
}
