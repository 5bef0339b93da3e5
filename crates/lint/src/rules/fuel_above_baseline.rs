//! More fuel than the usual range.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "fuel-above-baseline",
    group: Group::Limits,
    severity: Severity::Info,
    category: Category::Performance,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "more fuel than the usual range",
    why: "For untrusted code 10 to 100 million are usual. Interpreters need more; whoever gives more should know why.",
    impact: "a guest computes longer than most need",
    fix: "Lower `limits.fuel` to 100_000_000 or less if the guest ends with it; `gauntlet exec --format json` tells what it used.",
    references: &["CWE-400"],
    bad: "version: 1\nlimits: { fuel: 2_000_000_000 }\n",
    flags: "2_000_000_000",
    good: "version: 1\nlimits: { fuel: 100_000_000 }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_above(policy, LimitKey::Fuel, MOST);
}

/// The upper end of the usual range for untrusted code, 10 to 100 million.
const MOST: u64 = 100_000_000;
