//! A proposal is allowed without the one it is built on.

use gauntlet_policy::{Feature, Policy};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "feature-without-base",
    group: Group::Features,
    severity: Severity::Low,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a proposal is allowed without the one it is built on",
    why: "Each of these is an extension of another: without it the engine refuses the settings, or turns the base on by itself.",
    impact: "nothing runs, or a proposal is on that the policy turns off",
    fix: "Allow the one it is built on, or neither.",
    references: &["CWE-1188"],
    bad: "version: 1\nfeatures: { reference-types: false, function-references: true }\n",
    flags: "true",
    good: "version: 1\nfeatures: { reference-types: true, function-references: true }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (feature, base) in BUILT_ON {
        if let Some((true, at)) = policy.features.named(*feature)
            && !policy.features.allows(*base)
        {
            out.flag(&at, format!("`features.{}` is on and `{}` is off", feature.as_str(), base.as_str()));
        }
    }
}

/// Proposals and what they are built on.
const BUILT_ON: &[(Feature, Feature)] = &[
    (Feature::FunctionReferences, Feature::ReferenceTypes),
    (Feature::Gc, Feature::ReferenceTypes),
    (Feature::RelaxedSimd, Feature::Simd),
    (Feature::ComponentModelAsync, Feature::ComponentModel),
];
