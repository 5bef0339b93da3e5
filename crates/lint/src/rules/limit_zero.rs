//! A limit of zero where nothing runs without some.

use gauntlet_policy::{Limit, Policy};
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "limit-zero",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a limit of zero where nothing runs without some",
    why: "Elsewhere zero often means \"no limit\"; here it means that nothing runs. Whoever wrote it meant one of the two.",
    impact: "no guest runs at all",
    fix: "Write what the guest needs; to deny a resource, use a key for which zero has a meaning, such as `connections`.",
    references: &["CWE-1284"],
    bad: "version: 1\nlimits: { fuel: 0 }\n",
    flags: "0",
    good: "version: 1\nlimits: { fuel: 1_000_000, connections: 0 }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for key in KEYS {
        if let Limit::At(0, at) = policy.limits.get(*key) {
            out.flag(&at, format!("`limits.{key}` is zero: nothing can run"));
        }
    }
}

/// Without some of these no module is read, compiled or run.
const KEYS: &[LimitKey] = &[
    LimitKey::Deadline,
    LimitKey::CpuTime,
    LimitKey::Fuel,
    LimitKey::Memory,
    LimitKey::Instances,
    LimitKey::Stack,
    LimitKey::ModuleSize,
    LimitKey::CompileTime,
    LimitKey::CompileMemory,
    LimitKey::CallDepth,
];
