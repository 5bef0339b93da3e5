//! The whole host is granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-root",
    group: Group::Files,
    severity: Severity::Critical,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the whole host is granted",
    why: "A grant of the root directory hands over every file that the executor itself can reach.",
    impact: "the guest reads or changes every file of the host",
    fix: "Grant the one directory that the guest needs.",
    references: &["CWE-552", "NIST SP 800-190 3.5.5"],
    bad: "version: 1\ngrants:\n  filesystem: [{ host: \"/\", guest: /data, access: read-only }]\n",
    flags: "\"/\"",
    good: "version: 1\ngrants:\n  filesystem: [{ host: \"/srv/documents\", guest: /data, access: read-only }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for mount in Mount::all(policy) {
        if mount.host.is_root() {
            out.flag(mount.at(), format!("`{}` is the root of the host", mount.path()));
        }
    }
}
