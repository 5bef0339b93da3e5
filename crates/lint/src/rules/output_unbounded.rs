//! Output has no ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{LimitKey, Severity};

use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "output-unbounded",
    severity: Severity::High,
    summary: "output has no ceiling",
    why: "What a guest prints is kept by the host: without a cap it fills memory, logs and disks.",
    fix: "Set `limits.output`, for example to 1MiB; it counts standard output and standard error together.",
    references: &["CWE-770", "CWE-779"],
    bad: "version: 1\nlimits: { output: unlimited }\n",
    good: "version: 1\nlimits: { output: 1MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_unlimited(policy, LimitKey::Output);
}
