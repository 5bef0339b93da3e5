//! A path holds a pattern.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-glob",
    group: Group::Files,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "a path holds a pattern",
    why: "Grants are directories, not patterns: `*` is either taken as it stands, and the grant is useless, or matches more than was meant.",
    impact: "the grant is useless, or wider than was meant",
    fix: "Name each directory.",
    references: &["CWE-73"],
    bad: "version: 1\ngrants:\n  filesystem: [{ host: \"/srv/*/input\", guest: /data, access: read-only }]\n",
    flags: "\"/srv/*/input\"",
    good: "version: 1\ngrants:\n  filesystem: [{ host: \"/srv/a/input\", guest: /data, access: read-only }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for mount in Mount::all(policy) {
        if mount.path().contains(['*', '?', '[']) {
            out.flag(mount.at(), format!("`{}` is a pattern", mount.path()));
        }
    }
}
