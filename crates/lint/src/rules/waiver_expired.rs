//! A waiver has expired.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};
use crate::waivers::{self, Expiry};

pub(crate) const RULE: Rule = Rule {
    id: "waiver-expired",
    group: Group::Waivers,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a waiver has expired",
    why: "Its finding counts again.",
    impact: "the risk is there and no longer accepted",
    fix: "Fix the finding, or judge the risk again and set a new date, as `YYYY-MM-DD`.",
    references: &["NIST SP 800-53 RA-7"],
    bad: "version: 1\nwaivers: [{ rule: fuel-unbounded, reason: \"the deadline decides\", owner: ops, expires: 2001-01-01 }]\n",
    flags: "2001-01-01",
    good: "version: 1\nwaivers: [{ rule: fuel-unbounded, reason: \"the deadline decides\", owner: ops, expires: 2099-12-31 }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for waiver in &policy.waivers {
        let Some(expires) = &waiver.expires else { continue };
        match waivers::expiry(waiver, out.today()) {
            Expiry::Past => {
                out.flag(&expires.span, format!("the waiver of `{}` expired on {}", waiver.rule.value, expires.value))
            }
            Expiry::Unreadable => out.flag(&expires.span, format!("`{}` is not a date", expires.value)),
            Expiry::Never | Expiry::InForce => {}
        }
    }
}
