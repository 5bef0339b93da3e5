//! A limit that is smaller than what the module begins with.

use gauntlet_policy::{Limit, Policy};
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "limit-below-minimum",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Module,
    summary: "a limit is smaller than what the module starts with",
    why: "The module declares what it starts with; under a smaller limit it is refused before its first instruction.",
    impact: "every run is refused",
    fix: "Raise the limit to what the module needs, or build the module with less.",
    references: &["CWE-1284"],
    bad: "version: 1\nlimits: { memory: 64KiB }\n",
    flags: "64KiB",
    good: "version: 1\nlimits: { memory: 2MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let Some(module) = out.options().module.clone() else { return };
    let minimum = module.minimum;
    for (key, needed) in [
        (LimitKey::Memory, minimum.memory),
        (LimitKey::TableElements, minimum.table_elements),
        (LimitKey::Instances, minimum.instances),
        (LimitKey::ModuleSize, module.size),
    ] {
        // A share of a host's memory is known where the policy runs.
        let host = out.options().facts.memory;
        let limit = policy.limits.get(key);
        let granted = match limit {
            Limit::Share(..) => host.and_then(|memory| policy.limits.resolve(key, memory)),
            Limit::Default | Limit::Unlimited(_) | Limit::At(..) => policy.limits.resolve(key, 0),
        };
        let Some(granted) = granted.filter(|granted| *granted < needed) else { continue };
        let at = limit.span().unwrap_or_else(|| policy.section("limits"));
        let (granted, needed) = (key.unit().show(granted), key.unit().show(needed));
        out.flag(&at, format!("`limits.{key}` is {granted}, and the module starts with {needed}"));
    }
}
