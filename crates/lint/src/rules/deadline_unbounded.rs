//! Wall time has no ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "deadline-unbounded",
    group: Group::Limits,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "wall time has no ceiling",
    why: "Fuel counts instructions of the guest only: a host call that waits, or a compilation, burns none and keeps the slot for ever.",
    impact: "a guest that waits holds its slot for ever",
    fix: "Set `limits.deadline`, for example to 10s.",
    references: &["CWE-400"],
    bad: "version: 1\nlimits: { deadline: unlimited }\n",
    flags: "unlimited",
    good: "version: 1\nlimits: { deadline: 10s }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_unlimited(policy, LimitKey::Deadline);
}
