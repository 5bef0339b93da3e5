//! A larger stack than memory.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity, Unit};

use crate::limits;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "stack-exceeds-memory",
    group: Group::Limits,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a larger stack than memory",
    why: "The wasm stack is memory of the host that the limit on linear memory does not count.",
    impact: "the guest takes more of the host by recursion than by its memory",
    fix: "Lower `limits.stack`; 1MiB is enough for most modules.",
    references: &["CWE-674"],
    bad: "version: 1\nlimits: { memory: 2MiB, stack: 4MiB }\n",
    flags: "4MiB",
    good: "version: 1\nlimits: { memory: 64MiB, stack: 1MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Some((value, at, other)) = limits::larger(policy, LimitKey::Stack, LimitKey::Memory) {
        out.flag(
            &at,
            format!(
                "`limits.stack` is {}, more than `limits.memory`, which is {}",
                Unit::Bytes.show(value),
                Unit::Bytes.show(other)
            ),
        );
    }
}
