//! Disk use has no ceiling although the guest may write.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::paths::has_writable_grant;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "disk-unbounded",
    group: Group::Limits,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "disk use has no ceiling although the guest may write",
    why: "A guest that may write fills the disk of the host.",
    impact: "a guest fills the disk of the host",
    fix: "Set `limits.disk`, or make the grants read-only.",
    references: &["CWE-770"],
    bad: "version: 1\nlimits: { disk: unlimited }\ngrants:\n  filesystem: [{ guest: /tmp, access: scratch }]\n",
    flags: "unlimited",
    good: "version: 1\nlimits: { disk: 64MiB }\ngrants:\n  filesystem: [{ guest: /tmp, access: scratch }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if has_writable_grant(policy) {
        out.flag_unlimited(policy, LimitKey::Disk);
    }
}
