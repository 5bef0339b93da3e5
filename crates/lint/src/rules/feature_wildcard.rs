//! One word turns on every proposal.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "feature-wildcard",
    group: Group::Features,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "one word turns on every proposal",
    why: "What it turns on changes with every release of the engine: a proposal that nobody reviewed is on after an upgrade.",
    impact: "a bug in an unfinished part of the engine is within reach",
    fix: "Name each proposal that the guest needs.",
    references: &["CWE-1188"],
    bad: "wasmtime run -W all-proposals,fuel=1000000,timeout=5s,max-memory-size=67108864 guest.wasm\n",
    flags: "all-proposals",
    good: "wasmtime run -W simd,fuel=1000000,timeout=5s,max-memory-size=67108864 guest.wasm\n",
    check,
};

fn check(_: &Policy, out: &mut Findings<'_>) {
    out.flag_remarks();
}
