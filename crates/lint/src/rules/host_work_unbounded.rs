//! Work of the host has no ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{LimitKey, Severity};

use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "host-work-unbounded",
    severity: Severity::Medium,
    summary: "work of the host has no ceiling",
    why: "Bytes that the host moves or makes for a guest (random numbers, copies, directory lists) cost the guest next to no fuel.",
    fix: "Set `limits.host-work`.",
    references: &["CWE-770", "CWE-405"],
    bad: "version: 1\nlimits: { host-work: unlimited }\n",
    good: "version: 1\nlimits: { host-work: 64MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_unlimited(policy, LimitKey::HostWork);
}
