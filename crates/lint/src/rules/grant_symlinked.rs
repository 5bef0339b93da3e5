//! A symbolic link leads to the directory.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::host;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-symlinked",
    group: Group::Files,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Host,
    summary: "a symbolic link leads to the directory",
    why: "A link can be pointed elsewhere after the review, by whoever may write beside it.",
    impact: "the guest gets another directory than the reviewer saw",
    fix: "Write the path that the link leads to.",
    references: &["CWE-59", "CWE-367"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: \"./fixture/linked\", guest: /data, access: read-only }\n",
    flags: "\"./fixture/linked\"",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: \"./fixture/data\", guest: /data, access: read-only }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (mount, path) in host::mounts(policy, out.options()) {
        if let Some(link) = host::first_link(&path) {
            let link = out.options().base.as_ref().and_then(|base| link.strip_prefix(base).ok()).unwrap_or(&link);
            out.flag(mount.at(), format!("`{}` leads through the link `{}`", mount.path(), link.display()));
        }
    }
}
