//! A proposal that is on, and that the module does not use.

use gauntlet_policy::{Feature, Policy};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "feature-unneeded",
    group: Group::Features,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Module,
    summary: "a proposal is on that the module does not use",
    why: "Each proposal that is on puts more of the engine within reach of whatever module comes next. Those that are on by default are not counted.",
    impact: "more of the engine can be attacked",
    fix: "Turn the proposal off.",
    references: &["NIST SP 800-190 3.5.1"],
    bad: "version: 1\nfeatures: { tail-call: true }\n",
    flags: "true",
    good: "version: 1\nfeatures: { multi-memory: true }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let Some(module) = out.options().module.clone() else { return };
    for feature in Feature::ALL.iter().filter(|feature| !feature.strict()) {
        if let Some((true, at)) = policy.features.named(*feature)
            && !module.features.iter().any(|used| used == feature.as_str())
        {
            out.flag(&at, format!("`features.{}` is on, and the module does not use it", feature.as_str()));
        }
    }
}
