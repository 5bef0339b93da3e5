//! The number of instances has no ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{LimitKey, Severity};

use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "instances-unbounded",
    severity: Severity::Medium,
    summary: "the number of instances has no ceiling",
    why: "Each instance costs memory of the host outside its linear memory.",
    fix: "Set `limits.instances`.",
    references: &["CWE-770"],
    bad: "version: 1\nlimits: { instances: unlimited }\n",
    good: "version: 1\nlimits: { instances: 16 }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_unlimited(policy, LimitKey::Instances);
}
