//! A size in units of a thousand.

use gauntlet_policy::{Limit, Policy};
use gauntlet_record::{Category, Confidence, LimitKey, Severity, Unit};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "limit-decimal-unit",
    group: Group::Limits,
    severity: Severity::Low,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a size in units of a thousand",
    why: "64MB is not 64MiB: memory comes in powers of two, and a reader may take one for the other.",
    impact: "the limit is up to a tenth lower than was meant",
    fix: "Write the size in KiB, MiB or GiB.",
    references: &["CWE-1284"],
    bad: "version: 1\nlimits: { output: 1MB }\n",
    flags: "1MB",
    good: "version: 1\nlimits: { output: 1MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for key in LimitKey::ALL.iter().copied().filter(|key| key.unit() == Unit::Bytes) {
        let Limit::At(_, at) = policy.limits.get(key) else { continue };
        let written = policy.text.get(at.start..at.end).unwrap_or_default().trim_matches(['"', '\'']);
        if ["kB", "KB", "MB", "GB", "TB"].iter().any(|unit| written.ends_with(unit)) {
            out.flag(&at, format!("`limits.{key}` is written as `{written}`"));
        }
    }
}
