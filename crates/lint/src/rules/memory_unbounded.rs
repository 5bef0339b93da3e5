//! Linear memory has no ceiling.

use gauntlet_policy::{Limit, Policy};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "memory-unbounded",
    group: Group::Limits,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "linear memory has no ceiling",
    why: "A guest that grows its memory without a ceiling can exhaust the host.",
    impact: "a guest exhausts the memory of the host and ends its neighbours",
    fix: "Set `limits.memory` to the most the guest needs.",
    references: &["CWE-770", "NIST SP 800-190 3.4.3"],
    bad: "version: 1\nlimits: { memory: unlimited }\n",
    flags: "unlimited",
    good: "version: 1\nlimits: { memory: 64MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Limit::Unlimited(at) = &policy.limits.memory {
        out.flag(at, "`limits.memory` is unlimited");
    }
}
