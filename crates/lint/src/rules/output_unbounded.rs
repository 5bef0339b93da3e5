//! Output has no ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "output-unbounded",
    group: Group::Limits,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "output has no ceiling",
    why: "What a guest prints is kept by the host: without a cap it fills memory, logs and disks.",
    impact: "a guest fills the memory, logs and disks that keep its output",
    fix: "Set `limits.output`, for example to 1MiB; it counts standard output and standard error together.",
    references: &["CWE-770", "CWE-779"],
    bad: "version: 1\nlimits: { output: unlimited }\n",
    flags: "unlimited",
    good: "version: 1\nlimits: { output: 1MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_unlimited(policy, LimitKey::Output);
}
