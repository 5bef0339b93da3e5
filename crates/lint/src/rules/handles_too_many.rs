//! More than a hundred thousand handles.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "handles-too-many",
    group: Group::Limits,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "more than a hundred thousand handles",
    why: "Each handle is an entry in a table of the host that no limit on linear memory counts.",
    impact: "a component takes memory of the host past its memory limit",
    fix: "Lower `limits.handles`; 1_000 is enough for most components.",
    references: &["CWE-770"],
    bad: "version: 1\nlimits: { handles: 10_000_000 }\n",
    flags: "10_000_000",
    good: "version: 1\nlimits: { handles: 10_000 }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_above(policy, LimitKey::Handles, MOST);
}

/// Far more than any component holds at once.
const MOST: u64 = 100_000;
