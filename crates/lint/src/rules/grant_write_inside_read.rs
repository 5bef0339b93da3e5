//! A read-only directory can be written by another name.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-write-inside-read",
    group: Group::Files,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a read-only directory can be written by another name",
    why: "A directory that is granted twice, once for reading and once for writing, can be written: the read-only grant promises what does not hold.",
    impact: "the guest changes files that were granted for reading",
    fix: "Grant directories that do not overlap, or make both read-only.",
    references: &["CWE-732"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: /srv/data, guest: /data, access: read-only }\n    - { host: /srv/data/out, guest: /out, access: read-write }\n",
    flags: "/srv/data/out",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: /srv/data, guest: /data, access: read-only }\n    - { host: /srv/out, guest: /out, access: read-write }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let mounts = Mount::all(policy);
    for writable in mounts.iter().filter(|mount| mount.is_writable()) {
        let overlaps = |other: &&Mount<'_>| {
            !other.is_writable() && (writable.host.is_within(&other.host) || other.host.is_within(&writable.host))
        };
        if let Some(other) = mounts.iter().find(overlaps) {
            out.flag(
                writable.at(),
                format!("`{}` can be written and overlaps the read-only `{}`", writable.path(), other.path()),
            );
        }
    }
}
