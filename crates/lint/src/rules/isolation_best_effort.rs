//! A host without the mechanism runs guests all the same.

use gauntlet_policy::{Policy, Requirement};
use gauntlet_record::Severity;

use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "isolation-best-effort",
    severity: Severity::Medium,
    summary: "a host without the mechanism runs guests all the same",
    why: "On a host that lacks it guests run with a weaker fence, and nothing stops them.",
    fix: "Write `required`.",
    references: &["CWE-636"],
    bad: "version: 1\nisolation: { process: if-available }\n",
    good: "version: 1\nisolation: { process: required }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (name, requirement) in policy.isolation.mechanisms() {
        if ["process", "seccomp"].contains(&name) && requirement.value == Requirement::IfAvailable {
            out.flag(&requirement.span, format!("`isolation.{name}` is only taken if available"));
        }
    }
}
