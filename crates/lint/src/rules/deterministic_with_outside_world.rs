//! A run is declared repeatable and reaches outside.

use gauntlet_policy::{Access, Policy, Stdin};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "deterministic-with-outside-world",
    group: Group::Clocks,
    severity: Severity::Low,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a run is declared repeatable and reaches outside",
    why: "The network, standard input and writable directories answer differently each time: the run does not repeat, whatever the policy says.",
    impact: "a difference between two runs is taken for a fault of the guest",
    fix: "Remove `deterministic: true`, or the grant.",
    references: &["CWE-1188"],
    bad: "version: 1\ndeterministic: true\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    flags: "true",
    good: "version: 1\ndeterministic: true\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let grants = &policy.grants;
    let outside = !grants.network.is_empty()
        || grants.stdin.value == Stdin::Inherit
        || grants.filesystem.iter().any(|grant| grant.access.value == Access::ReadWrite);
    if policy.deterministic.value && outside {
        out.flag(&policy.deterministic.span, "`deterministic` is on, and the guest reaches outside");
    }
}
