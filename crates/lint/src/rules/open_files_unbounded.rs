//! The number of open files has no ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "open-files-unbounded",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the number of open files has no ceiling",
    why: "A guest that opens without closing takes every descriptor of its host process.",
    impact: "a guest takes every descriptor of its process",
    fix: "Set `limits.open-files`.",
    references: &["CWE-774"],
    bad: "version: 1\nlimits: { open-files: unlimited }\n",
    flags: "unlimited",
    good: "version: 1\nlimits: { open-files: 32 }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_unlimited(policy, LimitKey::OpenFiles);
}
