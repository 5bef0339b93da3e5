//! A waiver that cannot take effect.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};
use crate::waivers;

pub(crate) const RULE: Rule = Rule {
    id: "waiver-without-effect",
    group: Group::Waivers,
    severity: Severity::Medium,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a waiver that cannot take effect",
    why: "Findings about waivers cannot be waived, and a file with structural faults is not used at all.",
    impact: "somebody believes that a finding is accepted, and the gate fails",
    fix: "Remove the waiver and mend the finding.",
    references: &["CWE-1188"],
    bad: "version: 1\nwaivers: [{ rule: waiver-expired, reason: \"the deadline decides\", owner: ops, expires: 2026-06-30 }]\n",
    flags: "waiver-expired",
    good: "version: 1\nwaivers: [{ rule: fuel-unbounded, reason: \"the deadline decides\", owner: ops, expires: 2026-06-30 }]\nlimits: { fuel: unlimited }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for waiver in &policy.waivers {
        if waivers::is_about_waivers(&waiver.rule.value) || waivers::is_fault(&waiver.rule.value) {
            out.flag(&waiver.rule.span, format!("`{}` cannot be waived", waiver.rule.value));
        }
    }
}
