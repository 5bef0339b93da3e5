//! Runs repeat, random numbers included.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "deterministic-run",
    group: Group::Clocks,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "runs repeat, random numbers included",
    why: "A deterministic run has a virtual clock and seeded random numbers: right for tests, wrong for guests that make keys.",
    impact: "keys and nonces of the guest can be computed by others",
    fix: "Remove `deterministic: true` where guests need to be unpredictable, or waive this with the reason.",
    references: &["CWE-335"],
    bad: "version: 1\ndeterministic: true\n",
    flags: "true",
    good: "version: 1\ndeterministic: false\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if policy.deterministic.value {
        out.flag(&policy.deterministic.span, "`deterministic` is on: random numbers can be guessed");
    }
}
