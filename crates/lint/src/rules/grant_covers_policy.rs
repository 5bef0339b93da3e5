//! The guest can write its own policy.

use std::path::Path;

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::host;
use crate::paths::Clean;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-covers-policy",
    group: Group::Files,
    severity: Severity::Critical,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Host,
    summary: "the guest can write its own policy",
    why: "The policy lies in a directory that it makes writable: the next run holds the guest to whatever it wrote.",
    impact: "the guest grants itself whatever it likes",
    fix: "Keep the policy outside of every writable grant.",
    references: &["CWE-668"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: \".\", guest: /data, access: read-write }\n",
    flags: "\".\"",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: \"./fixture/data\", guest: /data, access: read-write }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (mount, path) in host::mounts(policy, out.options()) {
        if mount.is_writable()
            && let Some(file) = host::locate(&policy.name, out.options())
            && is_within(&file, &path)
        {
            out.flag(mount.at(), format!("`{}` can be written and holds this policy", mount.path()));
        }
    }
}

/// By name, and where both exist by what they are.
fn is_within(file: &Path, directory: &Path) -> bool {
    let by_name = Clean::of(&file.to_string_lossy()).is_within(&Clean::of(&directory.to_string_lossy()));
    let real = |path: &Path| path.canonicalize().ok();
    by_name || matches!((real(file), real(directory)), (Some(file), Some(directory)) if file.starts_with(&directory))
}
