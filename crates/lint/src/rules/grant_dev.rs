//! Devices are granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-dev",
    group: Group::Files,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "devices are granted",
    why: "Below `/dev` lie raw disks, terminals and shared memory.",
    impact: "the guest reads raw disks, terminals and shared memory",
    fix: "Remove the grant; for random numbers the guest has `random_get`.",
    references: &["CWE-552"],
    bad: "version: 1\ngrants:\n  filesystem: [{ host: \"/dev\", guest: /data, access: read-only }]\n",
    flags: "\"/dev\"",
    good: "version: 1\ngrants:\n  filesystem: [{ host: \"/srv/devices\", guest: /data, access: read-only }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for mount in Mount::all(policy) {
        if mount.host.is_within_any(&["/dev"]) && !mount.host.is_within_any(&["/dev/null", "/dev/zero"]) {
            out.flag(mount.at(), format!("`{}` holds devices", mount.path()));
        }
    }
}
