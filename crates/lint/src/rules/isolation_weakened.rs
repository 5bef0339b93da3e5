//! Namespaces or the control group are turned off.

use gauntlet_policy::{Policy, Requirement};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "isolation-weakened",
    group: Group::Isolation,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "namespaces or the control group are turned off",
    why: "They hide the rest of the host from the worker and count what the engine does not.",
    impact: "an escaped guest sees the rest of the host and its memory is not counted",
    fix: "Write `if-available` or `required`.",
    references: &["CWE-653", "CWE-770"],
    bad: "version: 1\nisolation: { namespaces: off }\n",
    flags: "off",
    good: "version: 1\nisolation: { namespaces: if-available }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (name, requirement) in policy.isolation.mechanisms() {
        if ["namespaces", "cgroup"].contains(&name) && requirement.value == Requirement::Off {
            out.flag(&requirement.span, format!("`isolation.{name}` is off"));
        }
    }
}
