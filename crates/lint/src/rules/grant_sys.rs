//! The kernel's settings are granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-sys",
    group: Group::Files,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the kernel's settings are granted",
    why: "`/sys` shows the hardware, and writes to it change the kernel and lift the limits of control groups.",
    impact: "the guest changes the kernel and its own limits",
    fix: "Remove the grant: no guest needs it.",
    references: &["CWE-250"],
    bad: "version: 1\ngrants:\n  filesystem: [{ host: \"/sys/fs/cgroup\", guest: /data, access: read-only }]\n",
    flags: "\"/sys/fs/cgroup\"",
    good: "version: 1\ngrants:\n  filesystem: [{ host: \"/srv/system\", guest: /data, access: read-only }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for mount in Mount::all(policy) {
        if mount.host.is_within_any(&["/sys"]) {
            out.flag(mount.at(), format!("`{}` belongs to the kernel", mount.path()));
        }
    }
}
