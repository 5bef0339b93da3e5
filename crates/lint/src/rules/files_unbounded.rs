//! The number of files has no ceiling although the guest may write.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::paths::has_writable_grant;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "files-unbounded",
    group: Group::Limits,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the number of files has no ceiling although the guest may write",
    why: "Empty files use up inodes: the disk is full while it looks empty.",
    impact: "a guest uses up the inodes of the host",
    fix: "Set `limits.files`, or make the grants read-only.",
    references: &["CWE-770"],
    bad: "version: 1\nlimits: { files: unlimited }\ngrants:\n  filesystem: [{ guest: /tmp, access: scratch }]\n",
    flags: "unlimited",
    good: "version: 1\nlimits: { files: 1_000 }\ngrants:\n  filesystem: [{ guest: /tmp, access: scratch }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if has_writable_grant(policy) {
        out.flag_unlimited(policy, LimitKey::Files);
    }
}
