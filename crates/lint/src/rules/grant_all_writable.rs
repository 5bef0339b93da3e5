//! Every directory is writable.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-all-writable",
    group: Group::Files,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "every directory is writable",
    why: "Most guests read from some directories and write to one. Where all are writable, nobody asked.",
    impact: "the guest changes what it should only have read",
    fix: "Write `access: read-only` where the guest only reads.",
    references: &["CWE-250", "NIST SP 800-53 AC-6"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: /srv/in, guest: /in, access: read-write }\n    - { host: /srv/out, guest: /out, access: read-write }\n",
    flags: "filesystem",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: /srv/in, guest: /in, access: read-only }\n    - { host: /srv/out, guest: /out, access: read-write }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let mounts = Mount::all(policy);
    if mounts.len() > 1 && mounts.iter().all(Mount::is_writable) {
        out.flag(
            &policy.section("grants.filesystem"),
            format!("all {} granted directories are writable", mounts.len()),
        );
    }
}
