//! Compilation has no ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "compile-time-unbounded",
    group: Group::Limits,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "compilation has no ceiling",
    why: "Fuel and epochs count the guest only. A module of a few kilobytes can keep the compiler busy for minutes.",
    impact: "a small module holds the compiler for minutes",
    fix: "Set `limits.compile-time`, for example to 5s.",
    references: &["CWE-400"],
    bad: "version: 1\nlimits: { compile-time: unlimited }\n",
    flags: "unlimited",
    good: "version: 1\nlimits: { compile-time: 5s }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_unlimited(policy, LimitKey::CompileTime);
}
