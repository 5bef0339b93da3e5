//! The memory ceiling is smaller than one page.

use gauntlet_policy::{Feature, Limit, Policy};
use gauntlet_record::{Category, Confidence, Severity, Unit};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "memory-below-page",
    group: Group::Limits,
    severity: Severity::Low,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the memory ceiling is smaller than one page",
    why: "Memory comes in pages of 64 KiB: below one page no module with a memory of its own starts.",
    impact: "guests with a memory of their own do not start",
    fix: "Set `limits.memory` to at least 64KiB.",
    references: &["CWE-1284"],
    bad: "version: 1\nlimits: { memory: 10KiB }\n",
    flags: "10KiB",
    good: "version: 1\nlimits: { memory: 64KiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Limit::At(bytes, at) = &policy.limits.memory
        && (1..PAGE).contains(&bytes.get())
        && !policy.features.allows(Feature::CustomPageSizes)
    {
        out.flag(at, format!("`limits.memory` is {}, less than a page", Unit::Bytes.show(bytes.get())));
    }
}

/// A page of linear memory, in bytes. Source: WebAssembly core specification, "Memory Instances".
const PAGE: u64 = 64 << 10;
