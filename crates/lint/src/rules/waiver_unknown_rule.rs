//! A waiver names no rule.

use gauntlet_policy::Policy;
use gauntlet_record::Severity;

use crate::rule::{Findings, Rule};
use crate::waivers;

pub(crate) const RULE: Rule = Rule {
    id: "waiver-unknown-rule",
    severity: Severity::Medium,
    summary: "a waiver names no rule",
    why: "A misspelled waiver accepts nothing, and hides nothing.",
    fix: "Name a rule; `gauntlet list rules` has them.",
    references: &["CWE-1188"],
    bad: "version: 1\nwaivers: [{ rule: fuel-unbuonded, reason: \"the deadline decides\", owner: ops, expires: 2099-12-31 }]\n",
    good: "version: 1\nwaivers: [{ rule: fuel-unbounded, reason: \"the deadline decides\", owner: ops, expires: 2099-12-31 }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for waiver in policy.waivers.iter().filter(|waiver| !waivers::knows(&waiver.rule.value)) {
        out.flag(&waiver.rule.span, format!("there is no rule `{}`", waiver.rule.value));
    }
}
