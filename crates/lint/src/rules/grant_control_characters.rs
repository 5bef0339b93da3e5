//! A path holds control characters.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::escape;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-control-characters",
    group: Group::Files,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a path holds control characters",
    why: "What a reviewer sees is not what is opened, and tools that print the path obey it.",
    impact: "the guest gets another directory than the reviewer saw",
    fix: "Rename the directory.",
    references: &["CWE-158", "CWE-1007"],
    bad: "version: 1\ngrants:\n  filesystem: [{ host: \"/srv/a\\eb\", guest: /data, access: read-only }]\n",
    flags: "\"/srv/a\\eb\"",
    good: "version: 1\ngrants:\n  filesystem: [{ host: \"/srv/ab\", guest: /data, access: read-only }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for grant in &policy.grants.filesystem {
        let mut paths = vec![&grant.host];
        if grant.guest_named {
            paths.push(&grant.guest);
        }
        for path in paths {
            if path.value.chars().any(|c| escape::character(c).is_some()) {
                out.flag(&path.span, format!("`{}` holds control characters", path.value));
            }
        }
    }
}
