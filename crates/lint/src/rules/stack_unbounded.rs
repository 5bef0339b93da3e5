//! The wasm stack has no ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "stack-unbounded",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "the wasm stack has no ceiling",
    why: "Without a ceiling of its own, recursion runs until it meets the end of the thread that carries it.",
    impact: "recursion ends the process that carries the guest",
    fix: "Set `limits.stack`; 1MiB is enough for most modules.",
    references: &["CWE-674"],
    bad: "version: 1\nlimits: { stack: unlimited }\n",
    flags: "unlimited",
    good: "version: 1\nlimits: { stack: 1MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_unlimited(policy, LimitKey::Stack);
}
