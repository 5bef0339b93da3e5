//! Compilation may take longer than a minute.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "compile-time-too-long",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "compilation may take longer than a minute",
    why: "Compilation is work of the host that a guest of a few kilobytes can order.",
    impact: "small modules keep every core busy for minutes",
    fix: "Lower `limits.compile-time` to 60s or less.",
    references: &["CWE-400"],
    bad: "version: 1\nlimits: { compile-time: 10min }\n",
    flags: "10min",
    good: "version: 1\nlimits: { compile-time: 10s }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_above(policy, LimitKey::CompileTime, MOST);
}

/// A minute, in nanoseconds.
const MOST: u64 = 60_000_000_000;
