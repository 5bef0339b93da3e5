//! Something that the module imports, and that no executor of this policy offers.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "import-not-linked",
    group: Group::Modules,
    severity: Severity::Medium,
    category: Category::Compatibility,
    confidence: Confidence::Medium,
    input: Input::Module,
    summary: "the module imports what is not linked",
    why: "Such a module is refused before it starts, unless its host adds the function itself. An import that the policy denies by name is refused always.",
    impact: "every run is refused",
    fix: "Build the module for WASI, take the name out of `modules.deny`, or have the host add the function.",
    references: &["CWE-1059"],
    bad: "version: 1\nmodules: { deny: [\"wasi_snapshot_preview1::path_open\"] }\n",
    flags: "\"wasi_snapshot_preview1::path_open\"",
    good: "version: 1\nmodules: { deny: [\"wasi_snapshot_preview1::sock_recv\"] }\n",
    check,
};

/// Most imports that are flagged one by one.
const MOST: usize = 20;

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let Some(module) = out.options().module.clone() else { return };
    for denied in &policy.modules.deny {
        if module.interface.imports.contains_key(&denied.value) {
            out.flag(&denied.span, format!("the module imports `{}`, which is denied", denied.value));
        }
    }
    let at = policy.section("modules");
    for import in module.unlinked.iter().take(MOST) {
        out.flag(&at, format!("the module imports `{import}`, which is not part of WASI 0.1 or 0.2"));
    }
    if let Some(more) = module.unlinked.len().checked_sub(MOST).filter(|more| *more > 0) {
        out.flag(&at, format!("the module imports {more} more that are not part of WASI 0.1 or 0.2"));
    }
}
