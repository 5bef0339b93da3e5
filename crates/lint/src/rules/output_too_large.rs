//! More output than anybody reads.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "output-too-large",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "more output than anybody reads",
    why: "The output of every run is kept, logged and shown: at this size a few runs fill what keeps it.",
    impact: "a few guests fill memory, logs and disks",
    fix: "Lower `limits.output` to 64MiB or less; large results belong in a granted directory, where `limits.disk` counts them.",
    references: &["CWE-770", "CWE-779"],
    bad: "version: 1\nlimits: { output: 1GiB }\n",
    flags: "1GiB",
    good: "version: 1\nlimits: { output: 16MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_above(policy, LimitKey::Output, MOST);
}

/// More than anybody reads, in bytes.
const MOST: u64 = 64 << 20;
