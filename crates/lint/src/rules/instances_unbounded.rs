//! The number of instances has no ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "instances-unbounded",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the number of instances has no ceiling",
    why: "Each instance costs memory of the host outside its linear memory.",
    impact: "a guest takes memory of the host past its memory limit",
    fix: "Set `limits.instances`.",
    references: &["CWE-770"],
    bad: "version: 1\nlimits: { instances: unlimited }\n",
    flags: "unlimited",
    good: "version: 1\nlimits: { instances: 16 }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_unlimited(policy, LimitKey::Instances);
}
