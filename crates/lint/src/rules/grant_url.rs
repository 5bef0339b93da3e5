//! An address stands where a path belongs.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-url",
    group: Group::Files,
    severity: Severity::Medium,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "an address stands where a path belongs",
    why: "A path is not an address: `fs://data` is the directory `data` in one called `fs:`, or nothing.",
    impact: "the grant is of another directory than was meant, or of none",
    fix: "Write the path alone.",
    references: &["CWE-73"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: \"fs://srv/data\", guest: /data, access: read-only }\n",
    flags: "\"fs://srv/data\"",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: \"/srv/data\", guest: /data, access: read-only }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for mount in Mount::all(policy) {
        if mount.path().contains("://") {
            out.flag(mount.at(), format!("`{}` is an address and no path", mount.path()));
        }
    }
}
