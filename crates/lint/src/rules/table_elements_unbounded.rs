//! Table growth has no ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{LimitKey, Severity};

use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "table-elements-unbounded",
    severity: Severity::High,
    summary: "table growth has no ceiling",
    why: "`table.grow` takes memory of the host, 8 to 16 bytes an element, that no ceiling on linear memory counts.",
    fix: "Set `limits.table-elements`; 10 000 is enough for most modules.",
    references: &["CWE-789", "CWE-770"],
    bad: "version: 1\nlimits: { table-elements: unlimited }\n",
    good: "version: 1\nlimits: { table-elements: 10_000 }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_unlimited(policy, LimitKey::TableElements);
}
