//! Configuration or programs of the host are granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-etc",
    group: Group::Files,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "configuration or programs of the host are granted",
    why: "`/etc` holds accounts and configuration; whoever writes to the directories of programs decides what the host runs.",
    impact: "the guest reads accounts and configuration, or replaces programs",
    fix: "Copy the one file that the guest needs into a directory of its own and grant that.",
    references: &["CWE-552", "NIST SP 800-190 3.5.5"],
    bad: "version: 1\ngrants:\n  filesystem: [{ host: \"/etc\", guest: /data, access: read-only }]\n",
    flags: "\"/etc\"",
    good: "version: 1\ngrants:\n  filesystem: [{ host: \"/usr/share/dict\", guest: /data, access: read-only }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for mount in Mount::all(policy) {
        if mount.host.is_within_any(&["/etc", "/private/etc"])
            || (mount.is_writable() && mount.host.is_within_any(SYSTEM))
        {
            out.flag(mount.at(), format!("`{}` belongs to the system", mount.path()));
        }
    }
}

/// Where programs of the system lie: no place to write.
const SYSTEM: &[&str] = &[
    "/boot", "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/System", "/Library", "/Windows",
];
