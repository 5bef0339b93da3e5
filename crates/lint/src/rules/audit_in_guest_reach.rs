//! The guest can write the audit log.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::{Clean, Mount};
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "audit-in-guest-reach",
    group: Group::Audit,
    severity: Severity::Critical,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the guest can write the audit log",
    why: "A guest that writes the log forges the evidence against it.",
    impact: "the guest forges the evidence against it",
    fix: "Put the log outside of every writable grant.",
    references: &["CWE-117", "NIST SP 800-53 AU-9"],
    bad: "version: 1\ngrants:\n  filesystem: [{ host: ./work, guest: /work, access: read-write }]\naudit: { log: ./work/audit.jsonl }\n",
    flags: "./work/audit.jsonl",
    good: "version: 1\ngrants:\n  filesystem: [{ host: ./work, guest: /work, access: read-write }]\naudit: { log: ./audit.jsonl }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let Some(log) = &policy.audit.log else { return };
    let path = Clean::of(&log.value);
    if let Some(mount) = Mount::all(policy).iter().find(|mount| mount.is_writable() && path.is_within(&mount.host)) {
        out.flag(&log.span, format!("the log `{}` lies in the writable grant `{}`", log.value, mount.path()));
    }
}
