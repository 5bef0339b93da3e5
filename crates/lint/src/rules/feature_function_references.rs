//! Typed function references are allowed.

use gauntlet_policy::{Feature, Policy};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "feature-function-references",
    group: Group::Features,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "typed function references are allowed",
    why: "They add a kind of call to the engine, which every limit and every check has to know besides the others.",
    impact: "a bug in a young part of the engine is within reach",
    fix: "Write `function-references: false` unless the guest's language needs it.",
    references: &["NIST SP 800-190 3.5.1"],
    bad: "version: 1\nfeatures: { function-references: true }\n",
    flags: "true",
    good: "version: 1\nfeatures: { function-references: false }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Some((true, at)) = policy.features.named(Feature::FunctionReferences) {
        out.flag(&at, "`features.function-references` is on");
    }
}
