//! A waiver for more than one rule.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "waiver-too-broad",
    group: Group::Waivers,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a waiver for more than one rule",
    why: "It is meant to accept whatever comes, which nobody has judged. It has no effect here, and may have one in another tool.",
    impact: "faults that nobody has judged count as accepted",
    fix: "Name the one rule that it is about.",
    references: &["CWE-1188", "NIST SP 800-53 RA-7"],
    bad: "version: 1\nwaivers: [{ rule: \"*\", reason: \"the deadline decides\", owner: ops, expires: 2026-06-30 }]\n",
    flags: "\"*\"",
    good: "version: 1\nwaivers: [{ rule: fuel-unbounded, reason: \"the deadline decides\", owner: ops, expires: 2026-06-30 }]\nlimits: { fuel: unlimited }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for waiver in &policy.waivers {
        let name = waiver.rule.value.trim();
        let group = Group::ALL.iter().any(|group| group.as_str() == name);
        if name.contains(['*', ',']) || name == "all" || group || WORDS.contains(&name) {
            out.flag(&waiver.rule.span, format!("`{name}` is more than one rule"));
        }
    }
}

/// Severities and categories: names for many rules.
const WORDS: &[&str] = &["info", "low", "medium", "high", "critical", "security", "performance", "compatibility"];
