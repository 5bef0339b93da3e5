//! More time to compile than the deadline leaves.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity, Unit};

use crate::limits;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "compile-time-exceeds-deadline",
    group: Group::Limits,
    severity: Severity::Low,
    category: Category::Performance,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "more time to compile than the deadline leaves",
    why: "The deadline covers compilation, too: it ends the run before this limit does.",
    impact: "a slow compilation is reported as a slow guest",
    fix: "Set `limits.compile-time` to at most `limits.deadline`.",
    references: &["CWE-1284"],
    bad: "version: 1\nlimits: { deadline: 5s, compile-time: 20s }\n",
    flags: "20s",
    good: "version: 1\nlimits: { deadline: 20s, compile-time: 5s }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Some((value, at, other)) = limits::larger(policy, LimitKey::CompileTime, LimitKey::Deadline) {
        out.flag(
            &at,
            format!(
                "`limits.compile-time` is {}, more than `limits.deadline`, which is {}",
                Unit::Time.show(value),
                Unit::Time.show(other)
            ),
        );
    }
}
