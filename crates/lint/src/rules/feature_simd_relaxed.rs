//! Results depend on the processor.

use gauntlet_policy::{Feature, Policy};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "feature-simd-relaxed",
    group: Group::Features,
    severity: Severity::Low,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "results depend on the processor",
    why: "Relaxed vector instructions may give another result on another processor: runs that are declared deterministic are not.",
    impact: "runs that are declared repeatable are not",
    fix: "Write `relaxed-simd: false`, or do without `deterministic: true`.",
    references: &["https://github.com/WebAssembly/relaxed-simd"],
    bad: "version: 1\ndeterministic: true\nfeatures: { relaxed-simd: true }\n",
    flags: "relaxed-simd: |true",
    good: "version: 1\ndeterministic: true\nfeatures: { relaxed-simd: false }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Some((true, at)) = policy.features.named(Feature::RelaxedSimd)
        && policy.deterministic.value
    {
        out.flag(&at, "`features.relaxed-simd` is on in a deterministic run");
    }
}
