//! Work of the host has no ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "host-work-unbounded",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "work of the host has no ceiling",
    why: "Bytes that the host moves or makes for a guest (random numbers, copies, directory lists) cost the guest next to no fuel.",
    impact: "a guest makes the host work for it without paying fuel",
    fix: "Set `limits.host-work`.",
    references: &["CWE-770", "CWE-405"],
    bad: "version: 1\nlimits: { host-work: unlimited }\n",
    flags: "unlimited",
    good: "version: 1\nlimits: { host-work: 64MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_unlimited(policy, LimitKey::HostWork);
}
