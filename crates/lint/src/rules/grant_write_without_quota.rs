//! The guest may write, and its quota is zero.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::limits;
use crate::paths::has_writable_grant;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-write-without-quota",
    group: Group::Limits,
    severity: Severity::Low,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the guest may write, and its quota is zero",
    why: "A grant to write and a limit of nothing contradict each other: every write is refused.",
    impact: "the guest fails at its first write",
    fix: "Set `limits.disk` and `limits.files` to what the guest writes, or make the grant read-only.",
    references: &["CWE-1284"],
    bad: "version: 1\nlimits: { disk: 0B }\ngrants:\n  filesystem: [{ guest: /tmp, access: scratch }]\n",
    flags: "0B",
    good: "version: 1\nlimits: { disk: 1MiB }\ngrants:\n  filesystem: [{ guest: /tmp, access: scratch }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if !has_writable_grant(policy) {
        return;
    }
    for key in [LimitKey::Disk, LimitKey::Files, LimitKey::FileSize] {
        if let Some((0, at)) = limits::written(policy, key) {
            out.flag(&at, format!("`limits.{key}` is zero although the guest may write"));
        }
    }
}
