//! Garbage collection is allowed.

use gauntlet_policy::{Feature, Policy};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "feature-gc",
    group: Group::Features,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "garbage collection is allowed",
    why: "It brings a second heap and a second allocator, which fewer have attacked so far.",
    impact: "a bug in a young part of the engine is within reach",
    fix: "Write `gc: false` unless the guest's language needs it.",
    references: &["NIST SP 800-190 3.5.1"],
    bad: "version: 1\nfeatures: { gc: true }\n",
    flags: "true",
    good: "version: 1\nfeatures: { gc: false }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Some((true, at)) = policy.features.named(Feature::Gc) {
        out.flag(&at, "`features.gc` is on");
    }
}
