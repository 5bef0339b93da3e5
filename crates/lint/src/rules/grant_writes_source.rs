//! The guest may write to a source tree.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-writes-source",
    group: Group::Files,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Low,
    input: Input::Policy,
    summary: "the guest may write to a source tree",
    why: "By its name the directory holds sources: what a guest changes there the next build runs, by a hook, a build script or a test.",
    impact: "code of the guest runs with the rights of whoever builds next",
    fix: "Grant the directory read-only, and one for the output beside it.",
    references: &["CWE-829"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: \"/home/alex/project/src\", guest: /data, access: read-write }\n",
    flags: "\"/home/alex/project/src\"",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: \"/home/alex/project/out\", guest: /data, access: read-write }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for mount in Mount::all(policy) {
        if mount.is_writable() && mount.host.parts.last().is_some_and(|last| NAMES.contains(&last.as_str())) {
            out.flag(
                mount.at(),
                format!("`{}` holds sources, by its name, and the guest may write to it", mount.path()),
            );
        }
    }
}

/// Names that source trees go by.
const NAMES: &[&str] = &[
    "src",
    "source",
    "sources",
    "repo",
    "repository",
    "checkout",
    "workspace",
    "scripts",
    "hooks",
    "lib",
    "project",
    "code",
];
