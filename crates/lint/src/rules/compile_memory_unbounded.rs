//! The compiler's memory has no ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "compile-memory-unbounded",
    group: Group::Limits,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the compiler's memory has no ceiling",
    why: "A module of a few megabytes can make the compiler take gigabytes.",
    impact: "a small module makes the compiler take gigabytes",
    fix: "Set `limits.compile-memory`, for example to 512MiB.",
    references: &["CWE-770"],
    bad: "version: 1\nlimits: { compile-memory: unlimited }\n",
    flags: "unlimited",
    good: "version: 1\nlimits: { compile-memory: 512MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_unlimited(policy, LimitKey::CompileMemory);
}
