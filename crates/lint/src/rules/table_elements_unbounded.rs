//! Table growth has no ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "table-elements-unbounded",
    group: Group::Limits,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "table growth has no ceiling",
    why: "`table.grow` takes memory of the host, 8 to 16 bytes an element, that no ceiling on linear memory counts.",
    impact: "a guest takes memory of the host past its memory limit",
    fix: "Set `limits.table-elements`; 10 000 is enough for most modules.",
    references: &["CWE-789", "CWE-770"],
    bad: "version: 1\nlimits: { table-elements: unlimited }\n",
    flags: "unlimited",
    good: "version: 1\nlimits: { table-elements: 10_000 }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_unlimited(policy, LimitKey::TableElements);
}
