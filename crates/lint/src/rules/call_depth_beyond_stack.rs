//! More frames than fit on the stack.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity, Unit};

use crate::limits;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "call-depth-beyond-stack",
    group: Group::Limits,
    severity: Severity::Low,
    category: Category::Performance,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "more frames than fit on the stack",
    why: "A frame takes at least its return address and the frame before it: the stack ends first.",
    impact: "the limit never ends a run, so that how deep a guest gets depends on the compiler",
    fix: "Lower `limits.call-depth`; 1_000 is enough for most guests.",
    references: &["CWE-674", "CWE-1284"],
    bad: "version: 1\nlimits: { stack: 1MiB, call-depth: 10_000_000 }\nfeatures: { component-model: false }\n",
    flags: "10_000_000",
    good: "version: 1\nlimits: { stack: 1MiB, call-depth: 1_000 }\nfeatures: { component-model: false }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let (Some((frames, at)), Some(stack)) =
        (limits::written(policy, LimitKey::CallDepth), limits::known(policy, LimitKey::Stack))
    else {
        return;
    };
    if frames.saturating_mul(A_FRAME) > stack {
        let stack = Unit::Bytes.show(stack);
        out.flag(&at, format!("`limits.call-depth` is {}, more than fit into {stack}", Unit::Count.show(frames)));
    }
}

/// What a frame takes at least, in bytes: two pointers.
const A_FRAME: u64 = 16;
