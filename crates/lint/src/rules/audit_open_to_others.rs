//! Every user of this host may write where the log lies.

use std::path::Path;

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::host;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "audit-open-to-others",
    group: Group::Audit,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Host,
    summary: "every user of this host may write where the log lies",
    why: "Whoever may write to the directory can put another file in the place of the log.",
    impact: "another user of the host forges or removes the evidence",
    fix: "Put the log into a directory that only the executor writes to.",
    references: &["CWE-732", "NIST SP 800-53 AU-9"],
    bad: "version: 1\naudit: { log: ./fixture/open/audit.jsonl }\n",
    flags: "./fixture/open/audit.jsonl",
    good: "version: 1\naudit: { log: ./fixture/data/audit.jsonl }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Some(log) = &policy.audit.log
        && let Some(path) = host::locate(&log.value, out.options())
        && let Some(directory) = path.parent()
    {
        let open = |path: &Path| path.metadata().is_ok_and(|metadata| host::is_open_to_others(&metadata));
        if open(directory) || open(&path) {
            out.flag(&log.span, format!("every user of this host may write where `{}` lies", log.value));
        }
    }
}
