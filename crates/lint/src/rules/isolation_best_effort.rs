//! A host without the mechanism runs guests all the same.

use gauntlet_policy::{Policy, Requirement};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "isolation-best-effort",
    group: Group::Isolation,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a host without the mechanism runs guests all the same",
    why: "On a host that lacks it guests run with a weaker fence, and nothing stops them.",
    impact: "on a lesser host guests run behind a lesser fence, and nobody is told",
    fix: "Write `required`.",
    references: &["CWE-636"],
    bad: "version: 1\nisolation: { process: if-available }\n",
    flags: "if-available",
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
