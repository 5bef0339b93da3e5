//! Tail calls are allowed.

use gauntlet_policy::{Feature, Policy};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "feature-tail-call",
    group: Group::Features,
    severity: Severity::Info,
    category: Category::Security,
    confidence: Confidence::Low,
    input: Input::Policy,
    summary: "tail calls are allowed",
    why: "A finished proposal that few compilers use: each part of the engine that no guest needs is a part that an attacker can reach.",
    impact: "one more part of the engine is within reach",
    fix: "Write `tail-call: false` unless the guest's language needs it.",
    references: &["NIST SP 800-190 3.5.1"],
    bad: "version: 1\nfeatures: { tail-call: true }\n",
    flags: "true",
    good: "version: 1\nfeatures: { tail-call: false }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Some((true, at)) = policy.features.named(Feature::TailCall) {
        out.flag(&at, "`features.tail-call` is on");
    }
}
