//! More output than the guest has memory.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity, Unit};

use crate::limits;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "output-exceeds-memory",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "more output than the guest has memory",
    why: "Output is kept by the host. A guest that may print more than it may hold takes by printing what it is denied as memory.",
    impact: "the guest takes more memory of the host by output than by its memory",
    fix: "Lower `limits.output` below `limits.memory`.",
    references: &["CWE-770"],
    bad: "version: 1\nlimits: { memory: 16MiB, output: 64MiB }\n",
    flags: "64MiB",
    good: "version: 1\nlimits: { memory: 64MiB, output: 16MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Some((value, at, other)) = limits::larger(policy, LimitKey::Output, LimitKey::Memory) {
        out.flag(
            &at,
            format!(
                "`limits.output` is {}, more than `limits.memory`, which is {}",
                Unit::Bytes.show(value),
                Unit::Bytes.show(other)
            ),
        );
    }
}
