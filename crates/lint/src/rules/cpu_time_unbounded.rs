//! CPU time has no ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "cpu-time-unbounded",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "CPU time has no ceiling",
    why: "Host work on behalf of the guest burns CPU time that fuel does not count; a deadline lets it burn a core all the while.",
    impact: "a guest burns a core until its deadline by calls that cost it nothing",
    fix: "Set `limits.cpu-time`.",
    references: &["CWE-400"],
    bad: "version: 1\nlimits: { cpu-time: unlimited }\n",
    flags: "unlimited",
    good: "version: 1\nlimits: { cpu-time: 5s }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_unlimited(policy, LimitKey::CpuTime);
}
