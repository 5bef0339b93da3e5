//! Nobody answers for a waiver.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "waiver-without-owner",
    group: Group::Waivers,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "nobody answers for a waiver",
    why: "When it is time to judge it again, there is nobody to ask.",
    impact: "an accepted risk that nobody answers for",
    fix: "Add `owner:`.",
    references: &["NIST SP 800-53 CA-6"],
    bad: "version: 1\nwaivers: [{ rule: fuel-unbounded, reason: \"the deadline decides\", expires: 2099-12-31 }]\n",
    flags: "fuel-unbounded",
    good: "version: 1\nwaivers: [{ rule: fuel-unbounded, reason: \"the deadline decides\", owner: ops, expires: 2099-12-31 }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for waiver in
        policy.waivers.iter().filter(|waiver| waiver.owner.as_ref().is_none_or(|owner| owner.value.trim().is_empty()))
    {
        out.flag(&waiver.rule.span, format!("the waiver of `{}` has no owner", waiver.rule.value));
    }
}
