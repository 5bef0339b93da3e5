//! The audit log is a temporary file.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Clean;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "audit-in-temporary",
    group: Group::Audit,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the audit log is a temporary file",
    why: "It is gone with the next start of the host, and every user of the host can put something in its place before that.",
    impact: "after an attack the log is gone, or is another one",
    fix: "Put the log where only the executor writes and somebody keeps it.",
    references: &["CWE-377", "NIST SP 800-53 AU-9"],
    bad: "version: 1\naudit: { log: /tmp/audit.jsonl }\n",
    flags: "/tmp/audit.jsonl",
    good: "version: 1\naudit: { log: /var/log/gauntlet/audit.jsonl }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Some(log) = &policy.audit.log
        && Clean::of(&log.value).is_within_any(&["/tmp", "/var/tmp", "/private/tmp", "/dev/shm"])
    {
        out.flag(&log.span, format!("the log `{}` is a temporary file", log.value));
    }
}
