//! A relative path.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-relative",
    group: Group::Files,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "a relative path",
    why: "A relative path starts where the tool is started: another directory grants other files, and an empty one fails.",
    impact: "what is granted depends on where the tool is started",
    fix: "Write the path from the root.",
    references: &["CWE-73"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: \"./data\", guest: /data, access: read-only }\n",
    flags: "\"./data\"",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: \"/srv/data\", guest: /data, access: read-only }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for mount in Mount::all(policy) {
        if !mount.host.absolute
            && !mount.host.parts.is_empty()
            && !mount.path().starts_with(['~', '$', '%'])
            && !mount.path().contains("://")
        {
            out.flag(mount.at(), format!("`{}` depends on the working directory", mount.path()));
        }
    }
}
