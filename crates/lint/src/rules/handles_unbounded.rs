//! The number of component handles has no ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{LimitKey, Severity};

use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "handles-unbounded",
    severity: Severity::Medium,
    summary: "the number of component handles has no ceiling",
    why: "Handles and resources live in tables of the host, which a component can fill.",
    fix: "Set `limits.handles`.",
    references: &["CWE-770", "CWE-774"],
    bad: "version: 1\nlimits: { handles: unlimited }\n",
    good: "version: 1\nlimits: { handles: 1_000 }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_unlimited(policy, LimitKey::Handles);
}
