//! Random numbers can be guessed.

use gauntlet_policy::{Policy, Random};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "random-seeded",
    group: Group::Clocks,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "random numbers can be guessed",
    why: "Keys, nonces and hash seeds that a guest makes from seeded random numbers can be computed by anybody who knows the seed.",
    impact: "keys and nonces of the guest can be computed by others",
    fix: "Write `random: system`; for runs that have to repeat, `deterministic: true` says so in one place.",
    references: &["CWE-335", "CWE-338"],
    bad: "version: 1\ngrants: { random: seeded }\n",
    flags: "seeded",
    good: "version: 1\ngrants: { random: system }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if policy.grants.random.value == Random::Seeded && !policy.deterministic.value {
        out.flag(&policy.grants.random.span, "`grants.random` is seeded");
    }
}
