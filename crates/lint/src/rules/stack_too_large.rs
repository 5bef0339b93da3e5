//! The wasm stack is larger than a thread.

use gauntlet_policy::{Limit, Policy};
use gauntlet_record::{Category, Confidence, Severity, Unit};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "stack-too-large",
    group: Group::Limits,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "the wasm stack is larger than a thread",
    why: "The wasm stack lies on the stack of a thread, together with the frames of the host. When it is larger than the thread, an overflow kills the process and every guest in it.",
    impact: "recursion ends the process that carries the guest, and everything in it",
    fix: "Lower `limits.stack` to 8MiB or less; 1MiB is enough for most modules.",
    references: &["CWE-674", "CWE-121"],
    bad: "version: 1\nlimits: { stack: 64MiB }\n",
    flags: "64MiB",
    good: "version: 1\nlimits: { stack: 8MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Limit::At(bytes, at) = &policy.limits.stack
        && bytes.get() > MOST
    {
        out.flag(
            at,
            format!("`limits.stack` is {}, more than {}", Unit::Bytes.show(bytes.get()), Unit::Bytes.show(MOST)),
        );
    }
}

/// The usual stack of a main thread, in bytes.
const MOST: u64 = 8 << 20;
