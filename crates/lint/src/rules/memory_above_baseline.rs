//! The memory ceiling is above the usual range.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "memory-above-baseline",
    group: Group::Limits,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "the memory ceiling is above the usual range",
    why: "For untrusted code 100 to 500 MB are usual. What lies above it a few guests together can take from the host.",
    impact: "fewer guests fit on a host, and a burst of them exhausts it",
    fix: "Lower `limits.memory` to 512MiB or less, or waive this with the reason for more.",
    references: &["CWE-789"],
    bad: "version: 1\nlimits: { memory: 768MiB }\n",
    flags: "768MiB",
    good: "version: 1\nlimits: { memory: 512MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_above(policy, LimitKey::Memory, MOST);
}

/// The upper end of the usual range for untrusted code, 100 to 500 MB, in whole pages.
const MOST: u64 = 512 << 20;
