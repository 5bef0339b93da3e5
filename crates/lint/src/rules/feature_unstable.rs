//! An unfinished proposal is allowed.

use gauntlet_policy::{Feature, Policy};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "feature-unstable",
    group: Group::Features,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "an unfinished proposal is allowed",
    why: "Proposals that are not finished change, and their implementations have been fuzzed little.",
    impact: "a bug in an unfinished part of the engine is within reach",
    fix: "Turn it off until it is part of the standard.",
    references: &["CWE-1188"],
    bad: "version: 1\nfeatures: { stack-switching: true }\n",
    flags: "true",
    good: "version: 1\nfeatures: { stack-switching: false }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for feature in UNFINISHED.iter().copied() {
        if let Some((true, at)) = policy.features.named(feature) {
            out.flag(&at, format!("`features.{}` is on and not finished", feature.as_str()));
        }
    }
}

/// Proposals that were below phase 4 when this was written.
const UNFINISHED: &[Feature] =
    &[Feature::StackSwitching, Feature::CustomPageSizes, Feature::WideArithmetic, Feature::ComponentModelAsync];
