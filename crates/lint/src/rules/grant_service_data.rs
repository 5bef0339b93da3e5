//! Data of services of the host is granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-service-data",
    group: Group::Files,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "data of services of the host is granted",
    why: "Logs, mail, queues and databases lie here: other people's data, and what an attacker reads next.",
    impact: "the guest reads logs, mail and databases of the host",
    fix: "Copy what the guest needs into a directory of its own and grant that.",
    references: &["CWE-552"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: \"/var/log\", guest: /data, access: read-only }\n",
    flags: "\"/var/log\"",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: \"/srv/app/log-copies\", guest: /data, access: read-only }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for mount in Mount::all(policy) {
        if mount.host.is_within_any(FOLDERS) && !mount.host.is_within_any(OTHERS) {
            out.flag(mount.at(), format!("`{}` holds data of services", mount.path()));
        }
    }
}

/// Where services keep their data.
const FOLDERS: &[&str] =
    &["/var/lib", "/var/log", "/var/mail", "/var/spool", "/var/backups", "/var/db", "/var/www", "/private/var/log"];
/// What worse rules find.
const OTHERS: &[&str] = &["/var/lib/docker", "/var/lib/containerd", "/var/spool/cron"];
