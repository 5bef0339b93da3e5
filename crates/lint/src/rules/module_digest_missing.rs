//! Any module may run.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "module-digest-missing",
    group: Group::Modules,
    severity: Severity::Info,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "any module may run",
    why: "Without a digest or a key, the file that is run need not be the file that was reviewed.",
    impact: "a module that somebody replaced runs with the same grants",
    fix: "Pin the module with `modules.sha256`, or its makers with `modules.signed-by`.",
    references: &["CWE-494", "NIST SP 800-190 3.1.5"],
    bad: "version: 1\n",
    flags: "version",
    good: "version: 1\nmodules: { sha256: [5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03] }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if policy.modules.sha256.is_empty() && policy.modules.signed_by.is_empty() {
        out.flag(&policy.section("modules"), "neither a digest nor a key says which modules may run");
    }
}
