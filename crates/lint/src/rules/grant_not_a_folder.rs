//! What is granted is no directory.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::host;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-not-a-folder",
    group: Group::Files,
    severity: Severity::Medium,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Host,
    summary: "what is granted is no directory",
    why: "Only directories can be granted: a file, a socket or a device fails, or is taken for more than it is by another executor.",
    impact: "the run fails, or another executor grants the directory around it",
    fix: "Grant a directory that holds the file and nothing else.",
    references: &["CWE-73"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: \"./fixture/data/file.txt\", guest: /data, access: read-only }\n",
    flags: "\"./fixture/data/file.txt\"",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: \"./fixture/data\", guest: /data, access: read-only }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (mount, path) in host::mounts(policy, out.options()) {
        if path.metadata().is_ok_and(|metadata| !metadata.is_dir()) {
            out.flag(mount.at(), format!("`{}` is no directory", mount.path()));
        }
    }
}
