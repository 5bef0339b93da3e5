//! The size of a module has no ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{LimitKey, Severity};

use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "module-size-unbounded",
    severity: Severity::Medium,
    summary: "the size of a module has no ceiling",
    why: "A large module burns CPU and memory before any of its limits counts.",
    fix: "Set `limits.module-size`, for example to 10MiB.",
    references: &["CWE-400"],
    bad: "version: 1\nlimits: { module-size: unlimited }\n",
    good: "version: 1\nlimits: { module-size: 10MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_unlimited(policy, LimitKey::ModuleSize);
}
