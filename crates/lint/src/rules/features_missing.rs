//! Proposals are left to their defaults.

use gauntlet_policy::{Feature, Policy};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "features-missing",
    group: Group::Features,
    severity: Severity::Info,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "proposals are left to their defaults",
    why: "An absent proposal takes the strict default. That is safe, but a reader of the policy cannot see what is on.",
    impact: "what is on changes with the release, unseen by a reviewer",
    fix: "Write the proposals out; the preset `strict` has them all.",
    references: &["CWE-1188"],
    bad: "version: 1\n",
    flags: "version",
    good: "version: 1\nfeatures: { bulk-memory: true, reference-types: true, multi-value: true, simd: true, relaxed-simd: false, threads: false, multi-memory: false, memory64: false, tail-call: false, function-references: false, gc: false, exceptions: false, component-model: true, component-model-async: false, stack-switching: false, custom-page-sizes: false, wide-arithmetic: false }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let absent = Feature::ALL.iter().filter(|feature| policy.features.named(**feature).is_none()).count();
    if absent > 0 {
        out.flag(&policy.section("features"), format!("the strict default holds for {absent} proposals"));
    }
}
