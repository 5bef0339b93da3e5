//! Runs repeat, random numbers included.

use gauntlet_policy::Policy;
use gauntlet_record::Severity;

use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "deterministic-run",
    severity: Severity::Low,
    summary: "runs repeat, random numbers included",
    why: "A deterministic run has a virtual clock and seeded random numbers: right for tests, wrong for guests that make keys.",
    fix: "Remove `deterministic: true` where guests need to be unpredictable, or waive this with the reason.",
    references: &["CWE-335"],
    bad: "version: 1\ndeterministic: true\n",
    good: "version: 1\ndeterministic: false\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if policy.deterministic.value {
        out.flag(&policy.deterministic.span, "`deterministic` is on: random numbers can be guessed");
    }
}
