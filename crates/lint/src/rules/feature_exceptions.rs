//! Exceptions are allowed.

use gauntlet_policy::{Feature, Policy};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "feature-exceptions",
    group: Group::Features,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "exceptions are allowed",
    why: "Unwinding is a young part of engines, and it meets every other part: tables, components, host calls.",
    impact: "a bug in a young part of the engine is within reach",
    fix: "Write `exceptions: false` unless the guest's language needs it.",
    references: &["NIST SP 800-190 3.5.1"],
    bad: "version: 1\nfeatures: { exceptions: true }\n",
    flags: "true",
    good: "version: 1\nfeatures: { exceptions: false }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Some((true, at)) = policy.features.named(Feature::Exceptions) {
        out.flag(&at, "`features.exceptions` is on");
    }
}
