//! Namespaces or the control group are turned off.

use gauntlet_policy::{Policy, Requirement};
use gauntlet_record::Severity;

use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "isolation-weakened",
    severity: Severity::Medium,
    summary: "namespaces or the control group are turned off",
    why: "They hide the rest of the host from the worker and count what the engine does not.",
    fix: "Write `if-available` or `required`.",
    references: &["CWE-653", "CWE-770"],
    bad: "version: 1\nisolation: { namespaces: off }\n",
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
