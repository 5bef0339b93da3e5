//! Nobody answers for a waiver.

use gauntlet_policy::Policy;
use gauntlet_record::Severity;

use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "waiver-without-owner",
    severity: Severity::Low,
    summary: "nobody answers for a waiver",
    why: "When it is time to judge it again, there is nobody to ask.",
    fix: "Add `owner:`.",
    references: &["NIST SP 800-53 CA-6"],
    bad: "version: 1\nwaivers: [{ rule: fuel-unbounded, reason: \"the deadline decides\", expires: 2099-12-31 }]\n",
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
