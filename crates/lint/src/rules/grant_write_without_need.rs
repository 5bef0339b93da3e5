//! A directory is writable that is only read as a rule.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-write-without-need",
    group: Group::Files,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Low,
    input: Input::Policy,
    summary: "a directory is writable that is only read as a rule",
    why: "By its name it holds what a program reads: configuration, assets, models. What a guest can write there the next run believes.",
    impact: "the guest changes what the next run reads",
    fix: "Write `access: read-only`.",
    references: &["CWE-250", "NIST SP 800-53 AC-6"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: \"/srv/app/config\", guest: /data, access: read-write }\n",
    flags: "\"/srv/app/config\"",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: \"/srv/app/config\", guest: /data, access: read-only }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for mount in Mount::all(policy) {
        if mount.is_writable() && mount.host.parts.last().is_some_and(|last| NAMES.contains(&last.as_str())) {
            out.flag(mount.at(), format!("`{}` is writable although its name says that it is read", mount.path()));
        }
    }
}

/// Names of what programs read.
const NAMES: &[&str] = &[
    "config",
    "conf",
    "conf.d",
    "settings",
    "assets",
    "static",
    "templates",
    "models",
    "model",
    "weights",
    "fixtures",
    "dict",
    "docs",
    "fonts",
    "input",
    "inputs",
    "readonly",
    "schemas",
    "certs",
    "ca-certificates",
    "public",
    "vendor",
    "third_party",
];
