//! One grant holds another.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-parent-of-other",
    group: Group::Files,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "one grant holds another",
    why: "When one granted directory holds another, the wider one decides, and the narrower one only looks like a limit.",
    impact: "the narrower grant bounds nothing",
    fix: "Remove one of the two.",
    references: &["CWE-732"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: \"/srv\", guest: /all, access: read-only }\n    - { host: /srv/data, guest: /data, access: read-only }\n",
    flags: "\"/srv\"",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: /srv/app, guest: /app, access: read-only }\n    - { host: /srv/data, guest: /data, access: read-only }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let mounts = Mount::all(policy);
    // That the root holds everything else is what `grant-root` says.
    for wide in mounts.iter().filter(|mount| !mount.host.is_root()) {
        let holds = |other: &&Mount<'_>| other.is_writable() == wide.is_writable() && other.host.is_below(&wide.host);
        if let Some(narrow) = mounts.iter().find(holds) {
            out.flag(wide.at(), format!("`{}` holds `{}`, which is granted too", wide.path(), narrow.path()));
        }
    }
}
