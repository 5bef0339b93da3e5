//! The guest reads standard input of the host.

use gauntlet_policy::{Policy, Stdin};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "stdin-inherit",
    group: Group::Streams,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the guest reads standard input of the host",
    why: "It reads what was meant for the executor: a terminal, a pipe of the build, a secret that is piped in.",
    impact: "the guest reads a terminal, or a secret that is piped in",
    fix: "Write `stdin: closed` and hand the input over by a grant.",
    references: &["CWE-403"],
    bad: "version: 1\ngrants: { stdin: inherit }\n",
    flags: "inherit",
    good: "version: 1\ngrants: { stdin: closed }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if policy.grants.stdin.value == Stdin::Inherit {
        out.flag(&policy.grants.stdin.span, "`grants.stdin` is inherited");
    }
}
