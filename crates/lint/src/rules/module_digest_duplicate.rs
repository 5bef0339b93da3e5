//! A digest stands twice.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "module-digest-duplicate",
    group: Group::Modules,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a digest stands twice",
    why: "Whoever takes one of the two out has not taken the module out.",
    impact: "a module runs that a reviewer took out",
    fix: "Keep one of them.",
    references: &["CWE-694"],
    bad: "version: 1\nmodules:\n  sha256:\n    - 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03\n    - \"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03\"\n",
    flags: "\"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03\"",
    good: "version: 1\nmodules:\n  sha256:\n    - 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let modules = &policy.modules;
    for list in [&modules.sha256, &modules.signed_by] {
        for (i, item) in list.iter().enumerate() {
            if list[..i].iter().any(|other| other.value == item.value) {
                out.flag(&item.span, "this already stands in the list");
            }
        }
    }
}
