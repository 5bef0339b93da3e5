//! A rule is waived twice.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "waiver-duplicate",
    group: Group::Waivers,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a rule is waived twice",
    why: "Which of the two holds, and until when, depends on the reader.",
    impact: "a finding stays accepted after one of the two has expired or was taken out",
    fix: "Keep one of them.",
    references: &["CWE-694"],
    bad: "version: 1\nlimits: { fuel: unlimited }\nwaivers:\n  - { rule: fuel-unbounded, reason: \"the deadline decides\", owner: ops, expires: 2026-06-30 }\n  - { rule: \"fuel-unbounded\", reason: \"the deadline decides\", owner: sam, expires: 2026-07-30 }\n",
    flags: "\"fuel-unbounded\"",
    good: "version: 1\nwaivers: [{ rule: fuel-unbounded, reason: \"the deadline decides\", owner: ops, expires: 2026-06-30 }]\nlimits: { fuel: unlimited }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (i, waiver) in policy.waivers.iter().enumerate() {
        if policy.waivers[..i].iter().any(|other| other.rule.value == waiver.rule.value) {
            out.flag(&waiver.rule.span, format!("`{}` is already waived", waiver.rule.value));
        }
    }
}
