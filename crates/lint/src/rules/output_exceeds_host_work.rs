//! More output than the host may move.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity, Unit};

use crate::limits;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "output-exceeds-host-work",
    group: Group::Limits,
    severity: Severity::Low,
    category: Category::Performance,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "more output than the host may move",
    why: "Each byte of output is a byte of host work: that limit ends the run first.",
    impact: "the limit never ends a run, and the other one is reported",
    fix: "Raise `limits.host-work`, or lower `limits.output` below it.",
    references: &["CWE-1284"],
    bad: "version: 1\nlimits: { output: 16MiB, host-work: 1MiB }\n",
    flags: "16MiB",
    good: "version: 1\nlimits: { output: 1MiB, host-work: 16MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Some((value, at, other)) = limits::larger(policy, LimitKey::Output, LimitKey::HostWork) {
        out.flag(
            &at,
            format!(
                "`limits.output` is {}, more than `limits.host-work`, which is {}",
                Unit::Bytes.show(value),
                Unit::Bytes.show(other)
            ),
        );
    }
}
