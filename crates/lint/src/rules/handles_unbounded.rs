//! The number of component handles has no ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "handles-unbounded",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the number of component handles has no ceiling",
    why: "Handles and resources live in tables of the host, which a component can fill.",
    impact: "a component fills tables of the host",
    fix: "Set `limits.handles`.",
    references: &["CWE-770", "CWE-774"],
    bad: "version: 1\nlimits: { handles: unlimited }\n",
    flags: "unlimited",
    good: "version: 1\nlimits: { handles: 1_000 }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_unlimited(policy, LimitKey::Handles);
}
