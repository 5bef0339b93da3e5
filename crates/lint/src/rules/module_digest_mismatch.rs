//! A policy that pins modules, and not this one.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "module-digest-mismatch",
    group: Group::Modules,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Module,
    summary: "the module is not one of those that are pinned",
    why: "The module beside the policy is not the one that was reviewed: it was built again, or replaced.",
    impact: "unreviewed code stands where reviewed code was",
    fix: "Review the module and pin its digest, or bring back the one that was pinned.",
    references: &["CWE-494", "NIST SP 800-190 3.1.5"],
    bad: "version: 1\nmodules: { sha256: [\"0000000000000000000000000000000000000000000000000000000000000000\"] }\n",
    flags: "\"0000000000000000000000000000000000000000000000000000000000000000\"",
    good: "version: 1\nmodules: { sha256: [] }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let Some(module) = out.options().module.clone() else { return };
    let pinned = &policy.modules.sha256;
    if let Some(first) = pinned.first()
        && !pinned.iter().any(|pin| pin.value.eq_ignore_ascii_case(&module.sha256))
    {
        out.flag(&first.span, format!("the module's digest is {}, which is not pinned", module.sha256));
    }
}
