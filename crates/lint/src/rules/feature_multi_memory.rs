//! Several memories are allowed.

use gauntlet_policy::{Feature, Policy};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "feature-multi-memory",
    group: Group::Features,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "several memories are allowed",
    why: "Few compilers use them. Engines whose limits count each memory alone give a guest as many times its limit.",
    impact: "on an engine that counts each memory alone the guest gets a multiple of its limit",
    fix: "Write `multi-memory: false` unless the guest needs it.",
    references: &["CWE-770"],
    bad: "version: 1\nfeatures: { multi-memory: true }\n",
    flags: "true",
    good: "version: 1\nfeatures: { multi-memory: false }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Some((true, at)) = policy.features.named(Feature::MultiMemory) {
        out.flag(&at, "`features.multi-memory` is on");
    }
}
