//! A waiver names no rule.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};
use crate::waivers;

pub(crate) const RULE: Rule = Rule {
    id: "waiver-unknown-rule",
    group: Group::Waivers,
    severity: Severity::Medium,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a waiver names no rule",
    why: "A misspelled waiver accepts nothing, and hides nothing.",
    impact: "the waiver accepts nothing",
    fix: "Name a rule; `gauntlet list rules` has them.",
    references: &["CWE-1188"],
    bad: "version: 1\nwaivers: [{ rule: fuel-unbuonded, reason: \"the deadline decides\", owner: ops, expires: 2099-12-31 }]\n",
    flags: "fuel-unbuonded",
    good: "version: 1\nwaivers: [{ rule: fuel-unbounded, reason: \"the deadline decides\", owner: ops, expires: 2099-12-31 }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for waiver in policy.waivers.iter().filter(|waiver| !waivers::knows(&waiver.rule.value)) {
        out.flag(&waiver.rule.span, format!("there is no rule `{}`", waiver.rule.value));
    }
}
