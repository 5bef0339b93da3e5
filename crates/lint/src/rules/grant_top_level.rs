//! A top-level directory is granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-top-level",
    group: Group::Files,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "a top-level directory is granted",
    why: "The directories below the root hold what many programs put there, today and after the next installation.",
    impact: "the guest reads the data of services that nobody thought of",
    fix: "Grant the one directory that the guest needs.",
    references: &["CWE-552"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: \"/var\", guest: /data, access: read-only }\n",
    flags: "\"/var\"",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: \"/srv/app/data\", guest: /data, access: read-only }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for mount in Mount::all(policy) {
        if mount.host.absolute && matches!(mount.host.parts.as_slice(), [only] if NAMES.contains(&only.as_str())) {
            out.flag(mount.at(), format!("`{}` holds the data of many programs", mount.path()));
        }
    }
}

/// Directories below the root that belong to nobody alone; other rules find the rest of them.
const NAMES: &[&str] =
    &["var", "usr", "opt", "srv", "mnt", "media", "Volumes", "boot", "lib", "lib64", "bin", "sbin", "snap", "data"];
