//! A seed that everybody tries first.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "random-seed-common",
    group: Group::Clocks,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a seed that everybody tries first",
    why: "Even where runs have to repeat, a seed of 0 or 42 makes the numbers those of everybody else's tests.",
    impact: "whoever tries a handful of seeds knows every random number",
    fix: "Choose a seed at random once, and write that.",
    references: &["CWE-335"],
    bad: "version: 1\ndeterministic: true\ngrants: { random: { seed: 42 } }\n",
    flags: "42",
    good: "version: 1\ndeterministic: true\ngrants: { random: { seed: 8_213_770_493_128_811 } }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Some(seed) = &policy.grants.random_seed
        && seed.value < LEAST
    {
        out.flag(&seed.span, format!("the seed is {}", seed.value));
    }
}

/// Below this a seed is found by trying.
const LEAST: u64 = 1 << 20;
