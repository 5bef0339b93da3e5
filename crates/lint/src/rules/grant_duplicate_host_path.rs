//! One directory is granted twice.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-duplicate-host-path",
    group: Group::Files,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "one directory is granted twice",
    why: "Two names for one directory make a review miss one of them, and a link through the one shows in the other.",
    impact: "a change of one grant leaves the other one open",
    fix: "Keep one of the grants.",
    references: &["CWE-694"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: /srv/data, guest: /a, access: read-only }\n    - { host: /srv/data/, guest: /b, access: read-only }\n",
    flags: "/srv/data/",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: /srv/a, guest: /a, access: read-only }\n    - { host: /srv/b, guest: /b, access: read-only }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let mounts = Mount::all(policy);
    for (i, mount) in mounts.iter().enumerate() {
        let same = |other: &&Mount<'_>| other.host == mount.host && other.is_writable() == mount.is_writable();
        if let Some(other) = mounts[..i].iter().find(same) {
            let line = other.at().line;
            out.flag(mount.at(), format!("`{}` is already granted on line {line}", mount.path()));
        }
    }
}
