//! A waiver never expires.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};
use crate::waivers::{self, Expiry};

pub(crate) const RULE: Rule = Rule {
    id: "waiver-without-expiry",
    group: Group::Waivers,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a waiver never expires",
    why: "What was accepted once stays accepted for ever.",
    impact: "an accepted risk that nobody judges again",
    fix: "Add `expires:` with a date, at most half a year ahead.",
    references: &["NIST SP 800-53 RA-7"],
    bad: "version: 1\nwaivers: [{ rule: fuel-unbounded, reason: \"the deadline decides\", owner: ops }]\n",
    flags: "fuel-unbounded",
    good: "version: 1\nwaivers: [{ rule: fuel-unbounded, reason: \"the deadline decides\", owner: ops, expires: 2099-12-31 }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for waiver in policy.waivers.iter().filter(|waiver| waivers::expiry(waiver, None) == Expiry::Never) {
        out.flag(&waiver.rule.span, format!("the waiver of `{}` never expires", waiver.rule.value));
    }
}
