//! A directory that every user may write to is granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-world-writable",
    group: Group::Files,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "a directory that every user may write to is granted",
    why: "Other users of the host plant links and files there.",
    impact: "other users of the host feed the guest, or lead its writes elsewhere",
    fix: "Grant a directory that only the executor writes to, or `access: scratch`.",
    references: &["CWE-377", "CWE-732"],
    bad: "version: 1\ngrants:\n  filesystem: [{ host: \"/tmp/work\", guest: /data, access: read-only }]\n",
    flags: "\"/tmp/work\"",
    good: "version: 1\ngrants:\n  filesystem: [{ host: \"/srv/work\", guest: /data, access: read-only }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for mount in Mount::all(policy) {
        if mount.host.is_within_any(&["/tmp", "/var/tmp", "/private/tmp", "/dev/shm"]) {
            out.flag(mount.at(), format!("`{}` can be written by every user of the host", mount.path()));
        }
    }
}
