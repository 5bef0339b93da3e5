//! 64-bit memories are allowed below 4 GiB.

use gauntlet_policy::{Feature, Policy};
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "feature-memory64",
    group: Group::Features,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "64-bit memories are allowed below 4 GiB",
    why: "Below 4 GiB they buy nothing, and their bounds checks are code of their own, with bugs of its own.",
    impact: "a bug in bounds checks of its own is within reach",
    fix: "Write `memory64: false`.",
    references: &["CWE-1284"],
    bad: "version: 1\nlimits: { memory: 64MiB }\nfeatures: { memory64: true }\n",
    flags: "true",
    good: "version: 1\nfeatures: { memory64: false }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Some((true, at)) = policy.features.named(Feature::Memory64)
        && policy.limits.resolve(LimitKey::Memory, 0).is_some_and(|bytes| bytes < 4 << 30)
    {
        out.flag(&at, "`features.memory64` is on although no memory may reach 4 GiB");
    }
}
