//! The compiler may take more than 4 GiB.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "compile-memory-too-large",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "the compiler may take more than 4 GiB",
    why: "A module of a few megabytes can make the compiler take all that it may.",
    impact: "a few modules exhaust the memory of the host before any of them runs",
    fix: "Lower `limits.compile-memory`; 512MiB is enough for most modules, 1GiB for an interpreter.",
    references: &["CWE-789"],
    bad: "version: 1\nlimits: { compile-memory: 16GiB }\n",
    flags: "16GiB",
    good: "version: 1\nlimits: { compile-memory: 1GiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_above(policy, LimitKey::CompileMemory, MOST);
}

/// More than a compiler needs for the largest module that is usual, in bytes.
const MOST: u64 = 4 << 30;
