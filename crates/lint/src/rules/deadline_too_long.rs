//! The deadline is longer than a minute.

use gauntlet_policy::{Limit, Policy};
use gauntlet_record::{Category, Confidence, Severity, Unit};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "deadline-too-long",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "the deadline is longer than a minute",
    why: "A slot is kept busy until the deadline: the longer it is, the fewer guests it takes to block the host.",
    impact: "few guests block every slot for minutes",
    fix: "Lower `limits.deadline` to 60s or less, or waive this with the reason for longer runs.",
    references: &["CWE-400"],
    bad: "version: 1\nlimits: { deadline: 10min }\n",
    flags: "10min",
    good: "version: 1\nlimits: { deadline: 60s }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Limit::At(time, at) = &policy.limits.deadline
        && time.get() > MOST
    {
        out.flag(
            at,
            format!("`limits.deadline` is {}, more than {}", Unit::Time.show(time.get()), Unit::Time.show(MOST)),
        );
    }
}

/// A minute, in nanoseconds.
const MOST: u64 = 60_000_000_000;
