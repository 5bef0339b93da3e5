//! The memory ceiling is more than half of this host.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity, Unit};

use crate::limits;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "memory-exceeds-host",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Host,
    summary: "the memory ceiling is more than half of this host",
    why: "A ceiling that this host cannot pay for is no ceiling: it runs out of memory before the guest meets it.",
    impact: "one guest exhausts the memory of this host",
    fix: "Lower `limits.memory`, or run such guests on a larger host.",
    references: &["CWE-789"],
    bad: "version: 1\nlimits: { memory: 6GiB }\n",
    flags: "6GiB",
    good: "version: 1\nlimits: { memory: 64MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let Some(host) = out.options().facts.memory else { return };
    if let Some((bytes, at)) = limits::written(policy, LimitKey::Memory)
        && bytes > host / 2
    {
        let shown = (Unit::Bytes.show(bytes), Unit::Bytes.show(host));
        out.flag(&at, format!("`limits.memory` is {}, and this host has {}", shown.0, shown.1));
    }
}
