//! The memory ceiling is higher than a host can pay for.

use gauntlet_policy::{Limit, Policy};
use gauntlet_record::{Category, Confidence, Severity, Unit};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "memory-too-large",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "the memory ceiling is higher than a host can pay for",
    why: "A ceiling that the host cannot pay for is no ceiling: the host runs out of memory before the guest meets it.",
    impact: "a few guests together exhaust the memory of the host",
    fix: "Lower `limits.memory` to what the guest needs; more than 1 GiB, or more than half of the host, is rarely needed.",
    references: &["CWE-789"],
    bad: "version: 1\nlimits: { memory: 8GiB }\n",
    flags: "8GiB",
    good: "version: 1\nlimits: { memory: 1GiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    match &policy.limits.memory {
        Limit::At(bytes, at) if bytes.get() > MOST => {
            out.flag(
                at,
                format!("`limits.memory` is {}, more than {}", Unit::Bytes.show(bytes.get()), Unit::Bytes.show(MOST)),
            );
        }
        Limit::Share(percent, at) if *percent > 50 => {
            out.flag(at, format!("`limits.memory` is {percent}% of the host"))
        }
        Limit::Default | Limit::Unlimited(_) | Limit::At(..) | Limit::Share(..) => {}
    }
}

/// More than this is rarely what one guest needs.
const MOST: u64 = 1 << 30;
