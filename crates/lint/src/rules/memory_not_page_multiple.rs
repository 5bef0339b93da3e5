//! The last part of a page cannot be used.

use gauntlet_policy::{Feature, Policy};
use gauntlet_record::{Category, Confidence, LimitKey, Severity, Unit};

use crate::limits;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "memory-not-page-multiple",
    group: Group::Limits,
    severity: Severity::Info,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the last part of a page cannot be used",
    why: "Memory grows in pages of 64 KiB: what is left over is never given out.",
    impact: "the limit in force is a little lower than the one that is written",
    fix: "Write a multiple of 64KiB, for example in MiB.",
    references: &["WebAssembly core specification, \"Memory Instances\""],
    bad: "version: 1\nlimits: { memory: 100KiB }\n",
    flags: "100KiB",
    good: "version: 1\nlimits: { memory: 128KiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Some((bytes, at)) = limits::written(policy, LimitKey::Memory)
        && bytes > PAGE
        && !bytes.is_multiple_of(PAGE)
        && !policy.features.allows(Feature::CustomPageSizes)
    {
        out.flag(&at, format!("`limits.memory` is {}, no whole number of pages", Unit::Bytes.show(bytes)));
    }
}

/// A page of linear memory, in bytes. Source: WebAssembly core specification, "Memory Instances".
const PAGE: u64 = 64 << 10;
