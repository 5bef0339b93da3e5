//! A fence round the engine is taken down.

use gauntlet_policy::{Policy, Requirement};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "isolation-off",
    group: Group::Isolation,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a fence round the engine is taken down",
    why: "An engine has bugs. Without a process of its own, a filter on system calls and Landlock, one of them is the host.",
    impact: "one bug of the engine gives the host",
    fix: "Write `required`, or `if-available` for `landlock`.",
    references: &["CWE-653", "CWE-250", "NIST SP 800-53 SC-39"],
    bad: "version: 1\nisolation: { seccomp: off }\n",
    flags: "off",
    good: "version: 1\nisolation: { seccomp: required }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (name, requirement) in policy.isolation.mechanisms() {
        if ["process", "seccomp", "landlock"].contains(&name) && requirement.value == Requirement::Off {
            out.flag(&requirement.span, format!("`isolation.{name}` is off"));
        }
    }
}
