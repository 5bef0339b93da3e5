//! The process file system is granted.

use gauntlet_policy::Policy;
use gauntlet_record::Severity;

use crate::paths::Mount;
use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-proc",
    severity: Severity::Critical,
    summary: "the process file system is granted",
    why: "`/proc` leads out of any directory: environments, memory and the root of every process of the same user.",
    fix: "Remove the grant: no guest needs it.",
    references: &["CWE-552", "CWE-59"],
    bad: "version: 1\ngrants:\n  filesystem: [{ host: \"/proc/self\", guest: /data, access: read-only }]\n",
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
