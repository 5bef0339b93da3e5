//! A mechanism is required that this host lacks.

use gauntlet_policy::{Policy, Requirement};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "isolation-unavailable",
    group: Group::Isolation,
    severity: Severity::Low,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Host,
    summary: "a mechanism is required that this host lacks",
    why: "Under this policy nothing runs on this host.",
    impact: "no guest runs here",
    fix: "Run it on a host that has the mechanism; `gauntlet doctor` tells how to get it.",
    references: &["CWE-1188"],
    bad: "version: 1\nisolation: { cgroup: required }\n",
    flags: "required",
    good: "version: 1\nisolation: { landlock: required }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let here = &out.options().facts.mechanisms;
    // A host of which nothing is known lacks nothing.
    if here.is_empty() {
        return;
    }
    for (name, requirement) in policy.isolation.mechanisms() {
        let written = requirement.span.end > requirement.span.start;
        if requirement.value == Requirement::Required && written && !here.iter().any(|offered| offered == name) {
            out.flag(&requirement.span, format!("`isolation.{name}` is required, and this host lacks it"));
        }
    }
}
