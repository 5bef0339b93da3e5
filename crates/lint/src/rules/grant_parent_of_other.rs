//! One grant holds another.

use gauntlet_policy::Policy;
use gauntlet_record::Severity;

use crate::paths::Mount;
use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-parent-of-other",
    severity: Severity::Medium,
    summary: "one grant holds another",
    why: "When one granted directory holds another, the wider one decides, and the narrower one only looks like a limit.",
    fix: "Remove one of the two.",
    references: &["CWE-732"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: /srv, guest: /srv, access: read-only }\n    - { host: /srv/data, guest: /data, access: read-only }\n",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: /srv/app, guest: /app, access: read-only }\n    - { host: /srv/data, guest: /data, access: read-only }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let mounts = Mount::all(policy);
    for wide in &mounts {
        let holds = |other: &&Mount<'_>| other.is_writable() == wide.is_writable() && other.host.is_below(&wide.host);
        if let Some(narrow) = mounts.iter().find(holds) {
            out.flag(wide.at(), format!("`{}` holds `{}`, which is granted too", wide.path(), narrow.path()));
        }
    }
}
