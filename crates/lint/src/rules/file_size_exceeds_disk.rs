//! One file may be larger than all of them together.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity, Unit};

use crate::limits;
use crate::paths::has_writable_grant;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "file-size-exceeds-disk",
    group: Group::Limits,
    severity: Severity::Low,
    category: Category::Performance,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "one file may be larger than all of them together",
    why: "The limit on the disk ends a write before this limit does.",
    impact: "the limit never refuses a write, and a reader believes it does",
    fix: "Set `limits.file-size` to at most `limits.disk`.",
    references: &["CWE-1284"],
    bad: "version: 1\nlimits: { disk: 16MiB, file-size: 64MiB }\ngrants:\n  filesystem: [{ guest: /tmp, access: scratch }]\n",
    flags: "64MiB",
    good: "version: 1\nlimits: { disk: 64MiB, file-size: 16MiB }\ngrants:\n  filesystem: [{ guest: /tmp, access: scratch }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Some((value, at, other)) = limits::larger(policy, LimitKey::FileSize, LimitKey::Disk)
        && has_writable_grant(policy)
    {
        out.flag(
            &at,
            format!(
                "`limits.file-size` is {}, more than `limits.disk`, which is {}",
                Unit::Bytes.show(value),
                Unit::Bytes.show(other)
            ),
        );
    }
}
