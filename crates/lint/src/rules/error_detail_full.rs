//! Errors tell about the host.

use gauntlet_policy::{Detail, Policy};
use gauntlet_record::Severity;

use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "error-detail-full",
    severity: Severity::Medium,
    summary: "errors tell about the host",
    why: "Paths, user names and addresses in an error help whoever attacks next.",
    fix: "Write `detail: generic`; the details are in the audit log.",
    references: &["CWE-209"],
    bad: "version: 1\nerrors: { detail: full }\n",
    good: "version: 1\nerrors: { detail: generic }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if policy.errors.value == Detail::Full {
        out.flag(&policy.errors.span, "`errors.detail` is full");
    }
}
