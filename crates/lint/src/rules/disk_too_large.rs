//! The guest may write more than 10 GiB.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::paths::has_writable_grant;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "disk-too-large",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "the guest may write more than 10 GiB",
    why: "What one run may write many runs write many times.",
    impact: "a few guests fill the disk of the host",
    fix: "Lower `limits.disk` to what the guest writes.",
    references: &["CWE-770"],
    bad: "version: 1\nlimits: { disk: 100GiB }\ngrants:\n  filesystem: [{ guest: /tmp, access: scratch }]\n",
    flags: "100GiB",
    good: "version: 1\nlimits: { disk: 1GiB }\ngrants:\n  filesystem: [{ guest: /tmp, access: scratch }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if has_writable_grant(policy) {
        out.flag_above(policy, LimitKey::Disk, MOST);
    }
}

/// More than one run should leave behind, in bytes.
const MOST: u64 = 10 << 30;
