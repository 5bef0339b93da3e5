//! A path goes up with `..`.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-dotdot",
    group: Group::Files,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a path goes up with `..`",
    why: "A path that goes up hides where it ends, and readers differ about what it means behind a link.",
    impact: "the guest gets another directory than the reviewer saw",
    fix: "Write the path without `..`.",
    references: &["CWE-22"],
    bad: "version: 1\ngrants:\n  filesystem: [{ host: \"/srv/app/../secret\", guest: /data, access: read-only }]\n",
    flags: "\"/srv/app/../secret\"",
    good: "version: 1\ngrants:\n  filesystem: [{ host: \"/srv/secret\", guest: /data, access: read-only }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for grant in &policy.grants.filesystem {
        let mut paths = vec![&grant.host];
        if grant.guest_named {
            paths.push(&grant.guest);
        }
        for path in paths {
            if path.value.split(['/', '\\']).any(|part| part == "..") {
                out.flag(&path.span, format!("`{}` goes up with `..`", path.value));
            }
        }
    }
}
