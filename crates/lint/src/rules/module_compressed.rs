//! Compressed modules are accepted.

use gauntlet_policy::Policy;
use gauntlet_record::Severity;

use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "module-compressed",
    severity: Severity::Medium,
    summary: "compressed modules are accepted",
    why: "A few kilobytes unpack to gigabytes, and the digest of what was reviewed is not that of what is compiled.",
    fix: "Write `compressed: refuse` and unpack before the policy applies.",
    references: &["CWE-409"],
    bad: "version: 1\nmodules: { compressed: accept }\n",
    good: "version: 1\nmodules: { compressed: refuse }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if policy.modules.compressed.value {
        out.flag(&policy.modules.compressed.span, "`modules.compressed` is accepted");
    }
}
