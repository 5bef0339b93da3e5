//! A clock finer than a millisecond.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity, Unit};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "clock-high-resolution",
    group: Group::Clocks,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "a clock finer than a millisecond",
    why: "A fine clock is the measuring instrument of side channels.",
    impact: "the guest measures caches and secrets of its neighbours",
    fix: "Set `grants.clock.resolution` to 1ms or more.",
    references: &["CWE-208", "CWE-1300"],
    bad: "version: 1\ngrants: { clock: { resolution: 1us } }\n",
    flags: "1us",
    good: "version: 1\ngrants: { clock: { resolution: 1ms } }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Some(resolution) = &policy.grants.clock_resolution
        && resolution.value.get() < LEAST
    {
        out.flag(&resolution.span, format!("the clock shows {}", Unit::Time.show(resolution.value.get())));
    }
}

/// A millisecond, in nanoseconds.
const LEAST: u64 = 1_000_000;
