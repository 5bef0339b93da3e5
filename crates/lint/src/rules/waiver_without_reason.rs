//! A waiver has no reason.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};
use crate::waivers;

pub(crate) const RULE: Rule = Rule {
    id: "waiver-without-reason",
    group: Group::Waivers,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a waiver has no reason",
    why: "Without a reason nobody can judge whether it still holds. Such a waiver has no effect.",
    impact: "an accepted risk that nobody can judge",
    fix: "Add `reason:` and say why the risk is accepted, in at least ten characters.",
    references: &["NIST SP 800-53 RA-7"],
    bad: "version: 1\nwaivers: [{ rule: fuel-unbounded, owner: ops, expires: 2099-12-31 }]\n",
    flags: "fuel-unbounded",
    good: "version: 1\nwaivers: [{ rule: fuel-unbounded, reason: \"the deadline decides\", owner: ops, expires: 2099-12-31 }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for waiver in policy.waivers.iter().filter(|waiver| !waivers::has_reason(waiver)) {
        out.flag(&waiver.rule.span, format!("the waiver of `{}` has no reason", waiver.rule.value));
    }
}
