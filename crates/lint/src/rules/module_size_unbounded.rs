//! The size of a module has no ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "module-size-unbounded",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the size of a module has no ceiling",
    why: "A large module burns CPU and memory before any of its limits counts.",
    impact: "a module burns CPU and memory before any limit counts",
    fix: "Set `limits.module-size`, for example to 10MiB.",
    references: &["CWE-400"],
    bad: "version: 1\nlimits: { module-size: unlimited }\n",
    flags: "unlimited",
    good: "version: 1\nlimits: { module-size: 10MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_unlimited(policy, LimitKey::ModuleSize);
}
