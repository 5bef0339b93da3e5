//! So much fuel that it never runs out.

use gauntlet_policy::{Limit, Policy};
use gauntlet_record::{Category, Confidence, LimitKey, Severity, Unit};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "fuel-too-large",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Performance,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "so much fuel that it never runs out",
    why: "Fuel that no deadline leaves time to burn is not a limit, and engines that store it in 63 bits read it as something else.",
    impact: "fuel never ends a run, so that results depend on the load of the host",
    fix: "Lower `limits.fuel`, or write `unlimited` if the deadline is meant to decide.",
    references: &["CWE-1284"],
    bad: "version: 1\nlimits: { fuel: 9_999_999_999_999_999_999 }\n",
    flags: "9_999_999_999_999_999_999",
    good: "version: 1\nlimits: { fuel: 1_000_000_000 }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let Limit::At(fuel, at) = &policy.limits.fuel else { return };
    let seconds = policy.limits.resolve(LimitKey::Deadline, 0).map(|nanos| nanos.div_ceil(1_000_000_000));
    let burnable = seconds.map_or(u64::MAX >> 1, |seconds| seconds.saturating_mul(A_SECOND));
    if fuel.get() > burnable.min(u64::MAX >> 1) {
        out.flag(
            at,
            format!("`limits.fuel` is {}, more than the deadline leaves time for", Unit::Count.show(fuel.get())),
        );
    }
}

/// More fuel than any core burns in a second: about one an instruction.
const A_SECOND: u64 = 10_000_000_000;
