//! A path holds a backslash.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-backslash",
    group: Group::Files,
    severity: Severity::Low,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a path holds a backslash",
    why: "On Windows it parts directories, elsewhere it is a letter like any other: two readers, two directories.",
    impact: "on another system another directory is granted, or none",
    fix: "Write `/` between names.",
    references: &["CWE-73"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: \"data\\\\input\", guest: /data, access: read-only }\n",
    flags: "\"data\\\\input\"",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: \"/srv/data/input\", guest: /data, access: read-only }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for mount in Mount::all(policy) {
        let drive = mount.path().as_bytes().get(1) == Some(&b':');
        if mount.path().contains('\\') && !drive {
            out.flag(mount.at(), format!("`{}` holds a backslash", mount.path()));
        }
    }
}
