//! A waiver for more than half a year.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};
use crate::waivers;

pub(crate) const RULE: Rule = Rule {
    id: "waiver-too-long",
    group: Group::Waivers,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a waiver for more than half a year",
    why: "What was a small risk when it was judged need not be one then.",
    impact: "the risk stays accepted after it has grown",
    fix: "Set a date at most 180 days ahead, and judge it again.",
    references: &["NIST SP 800-53 RA-7"],
    bad: "version: 1\nwaivers: [{ rule: fuel-unbounded, reason: \"the deadline decides\", owner: ops, expires: 2031-01-31 }]\nlimits: { fuel: unlimited }\n",
    flags: "2031-01-31",
    good: "version: 1\nwaivers: [{ rule: fuel-unbounded, reason: \"the deadline decides\", owner: ops, expires: 2026-06-30 }]\nlimits: { fuel: unlimited }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let Some(today) = out.today().and_then(waivers::day) else { return };
    for waiver in &policy.waivers {
        if let Some(expires) = &waiver.expires
            && waivers::day(&expires.value).is_some_and(|day| day.saturating_sub(today) > MOST_DAYS)
        {
            out.flag(&expires.span, format!("the waiver of `{}` lasts until {}", waiver.rule.value, expires.value));
        }
    }
}

/// Half a year.
const MOST_DAYS: u32 = 180;
