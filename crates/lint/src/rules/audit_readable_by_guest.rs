//! The guest can read the audit log.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::{Clean, Mount};
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "audit-readable-by-guest",
    group: Group::Audit,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the guest can read the audit log",
    why: "The log tells what other guests ran, what they were denied and where things lie on the host.",
    impact: "the guest learns what others run and how it is watched",
    fix: "Put the log outside of every grant.",
    references: &["CWE-532", "NIST SP 800-53 AU-9"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: /srv/app, guest: /app, access: read-only }\naudit: { log: /srv/app/audit.jsonl }\n",
    flags: "/srv/app/audit.jsonl",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: /srv/app/data, guest: /app, access: read-only }\naudit: { log: /srv/app/audit.jsonl }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let Some(log) = &policy.audit.log else { return };
    let path = Clean::of(&log.value);
    // A log that the guest can write is worse, and another rule finds it.
    let inside: Vec<Mount<'_>> = Mount::all(policy).into_iter().filter(|mount| path.is_within(&mount.host)).collect();
    if let Some(mount) = inside.first().filter(|_| !inside.iter().any(Mount::is_writable)) {
        out.flag(&log.span, format!("the log `{}` lies in the grant `{}`", log.value, mount.path()));
    }
}
