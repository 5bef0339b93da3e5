//! A proposal that the module uses, and that is off.

use gauntlet_policy::{Feature, Policy};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "feature-not-allowed",
    group: Group::Features,
    severity: Severity::Medium,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Module,
    summary: "a proposal is off that the module uses",
    why: "A module is validated with the proposals that the policy allows, and refused if it uses another.",
    impact: "every run is refused",
    fix: "Build the module without the proposal, or allow it if its risk is accepted.",
    references: &["NIST SP 800-190 3.5.1"],
    bad: "version: 1\nfeatures: { multi-memory: false }\n",
    flags: "false",
    good: "version: 1\nfeatures: { multi-memory: true }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let Some(module) = out.options().module.clone() else { return };
    for name in &module.features {
        let known = Feature::ALL.iter().find(|feature| feature.as_str() == name);
        let Some(feature) = known else {
            let at = policy.section("features");
            out.flag(&at, format!("the module uses `{name}`, which no policy can allow"));
            continue;
        };
        if !policy.features.allows(*feature) {
            let at = policy.features.named(*feature).map_or_else(|| policy.section("features"), |(_, at)| at);
            out.flag(&at, format!("the module uses `{name}`, and it is off"));
        }
    }
}
