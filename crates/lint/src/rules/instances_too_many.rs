//! More than a thousand instances.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "instances-too-many",
    group: Group::Limits,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "more than a thousand instances",
    why: "Each instance costs memory of the host outside its linear memory.",
    impact: "a guest takes memory of the host past its memory limit",
    fix: "Lower `limits.instances`; 16 is enough for most guests.",
    references: &["CWE-770"],
    bad: "version: 1\nlimits: { instances: 100_000 }\n",
    flags: "100_000",
    good: "version: 1\nlimits: { instances: 64 }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_above(policy, LimitKey::Instances, MOST);
}

/// Far more than any component is made of.
const MOST: u64 = 1_000;
