//! The guest writes what the host runs.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-writes-code",
    group: Group::Files,
    severity: Severity::Critical,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the guest writes what the host runs",
    why: "What a guest writes here the host, its users or its build run later, outside of any sandbox.",
    impact: "code of the guest runs outside of the sandbox",
    fix: "Make the grant read-only, or grant a directory that nothing is run from.",
    references: &["CWE-829", "CWE-732"],
    bad: "version: 1\ngrants:\n  filesystem: [{ host: \"/srv/app/.git\", guest: /data, access: read-write }]\n",
    flags: "\"/srv/app/.git\"",
    good: "version: 1\ngrants:\n  filesystem: [{ host: \"/srv/app/out\", guest: /data, access: read-write }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for mount in Mount::all(policy) {
        if mount.is_writable() && (mount.host.names_any(NAMES) || mount.host.is_within_any(FOLDERS)) {
            out.flag(mount.at(), format!("`{}` holds what the host runs", mount.path()));
        }
    }
}

/// Names that hooks, workflows, shell profiles and programs go by.
const NAMES: &[&str] = &[
    ".git",
    ".github",
    ".gitlab",
    ".husky",
    ".circleci",
    ".vscode",
    ".bashrc",
    ".bash_profile",
    ".profile",
    ".zshrc",
    ".cargo",
    ".rustup",
    "node_modules",
    "bin",
    "sbin",
    "crontabs",
    "cron.d",
    "systemd",
    "site-packages",
];
/// Where the system looks for what to run.
const FOLDERS: &[&str] = &["/etc", "/usr", "/lib", "/lib64", "/opt", "/var/spool/cron"];
