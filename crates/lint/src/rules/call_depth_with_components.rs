//! Frames are counted, and components are allowed.

use gauntlet_policy::{Feature, Policy};
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::limits;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "call-depth-with-components",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "frames are counted, and components are allowed",
    why: "Frames are counted in core modules alone. Under this policy a component runs without that limit, or does not run at all.",
    impact: "a guest gets round the limit by being a component, or is refused for no fault of its own",
    fix: "Write `component-model: false`, or remove `limits.call-depth`.",
    references: &["CWE-693"],
    bad: "version: 1\nlimits: { call-depth: 1_000 }\nfeatures: { component-model: true }\n",
    flags: "1_000",
    good: "version: 1\nlimits: { call-depth: 1_000 }\nfeatures: { component-model: false }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Some((_, at)) = limits::written(policy, LimitKey::CallDepth)
        && policy.features.allows(Feature::ComponentModel)
    {
        out.flag(&at, "`limits.call-depth` does not hold for components, which are allowed");
    }
}
