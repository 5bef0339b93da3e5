//! A tenant may use nothing.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "per-tenant-zero",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a tenant may use nothing",
    why: "Elsewhere zero often means \"no limit\"; here it means that no tenant runs anything. Whoever wrote it meant one of the two.",
    impact: "no tenant runs anything",
    fix: "Write what a tenant may use, or remove the key.",
    references: &["CWE-1284"],
    bad: "version: 1\nper-tenant: { runs: 0 }\n",
    flags: "runs",
    good: "version: 1\nper-tenant: { runs: 100, window: 1h }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (key, number) in &policy.per_tenant.named {
        // No network is a budget like any other.
        if *number == 0 && key.value != "network-bytes" && key.value != "disk" {
            out.flag(&key.span, format!("`per-tenant.{}` is zero: no tenant runs anything", key.value));
        }
    }
}
