//! More CPU time than the deadline leaves.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity, Unit};

use crate::limits;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "cpu-time-exceeds-deadline",
    group: Group::Limits,
    severity: Severity::Low,
    category: Category::Performance,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "more CPU time than the deadline leaves",
    why: "A guest runs on one core: the deadline ends it before it can use that much.",
    impact: "the limit never ends a run, and a reader believes it does",
    fix: "Set `limits.cpu-time` to at most `limits.deadline`.",
    references: &["CWE-1284"],
    bad: "version: 1\nlimits: { deadline: 5s, cpu-time: 20s }\n",
    flags: "20s",
    good: "version: 1\nlimits: { deadline: 20s, cpu-time: 5s }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Some((value, at, other)) = limits::larger(policy, LimitKey::CpuTime, LimitKey::Deadline) {
        out.flag(
            &at,
            format!(
                "`limits.cpu-time` is {}, more than `limits.deadline`, which is {}",
                Unit::Time.show(value),
                Unit::Time.show(other)
            ),
        );
    }
}
