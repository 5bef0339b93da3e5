//! The wasm stack has no ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{LimitKey, Severity};

use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "stack-unbounded",
    severity: Severity::Medium,
    summary: "the wasm stack has no ceiling",
    why: "Without a ceiling of its own, recursion runs until it meets the end of the thread that carries it.",
    fix: "Set `limits.stack`; 1MiB is enough for most modules.",
    references: &["CWE-674"],
    bad: "version: 1\nlimits: { stack: unlimited }\n",
    good: "version: 1\nlimits: { stack: 1MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_unlimited(policy, LimitKey::Stack);
}
