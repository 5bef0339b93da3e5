//! The guest reads standard input of the host.

use gauntlet_policy::{Policy, Stdin};
use gauntlet_record::Severity;

use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "stdin-inherit",
    severity: Severity::Medium,
    summary: "the guest reads standard input of the host",
    why: "It reads what was meant for the executor: a terminal, a pipe of the build, a secret that is piped in.",
    fix: "Write `stdin: closed` and hand the input over by a grant.",
    references: &["CWE-403"],
    bad: "version: 1\ngrants: { stdin: inherit }\n",
    good: "version: 1\ngrants: { stdin: closed }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if policy.grants.stdin.value == Stdin::Inherit {
        out.flag(&policy.grants.stdin.span, "`grants.stdin` is inherited");
    }
}
