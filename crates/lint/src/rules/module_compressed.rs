//! Compressed modules are accepted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "module-compressed",
    group: Group::Modules,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "compressed modules are accepted",
    why: "A few kilobytes unpack to gigabytes, and the digest of what was reviewed is not that of what is compiled.",
    impact: "a small file unpacks to gigabytes",
    fix: "Write `compressed: refuse` and unpack before the policy applies.",
    references: &["CWE-409"],
    bad: "version: 1\nmodules: { compressed: accept }\n",
    flags: "accept",
    good: "version: 1\nmodules: { compressed: refuse }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if policy.modules.compressed.value {
        out.flag(&policy.modules.compressed.span, "`modules.compressed` is accepted");
    }
}
