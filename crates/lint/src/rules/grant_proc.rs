//! The process file system is granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-proc",
    group: Group::Files,
    severity: Severity::Critical,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the process file system is granted",
    why: "`/proc` leads out of any directory: environments, memory and the root of every process of the same user.",
    impact: "the guest leaves the sandbox through the files of other processes",
    fix: "Remove the grant: no guest needs it.",
    references: &["CWE-552", "CWE-59"],
    bad: "version: 1\ngrants:\n  filesystem: [{ host: \"/proc/self\", guest: /data, access: read-only }]\n",
    flags: "\"/proc/self\"",
    good: "version: 1\ngrants:\n  filesystem: [{ host: \"/srv/process\", guest: /data, access: read-only }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for mount in Mount::all(policy) {
        if mount.host.is_within_any(&["/proc"]) {
            out.flag(mount.at(), format!("`{}` leads to every process of the host", mount.path()));
        }
    }
}
