//! A mechanism is optional that this host has.

use gauntlet_policy::{Policy, Requirement};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "isolation-optional",
    group: Group::Isolation,
    severity: Severity::Info,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Host,
    summary: "a mechanism is optional that this host has",
    why: "This host offers it: nothing is lost by requiring it, and a lesser host would then say so before it runs anything.",
    impact: "on a lesser host guests run behind a lesser fence, and nobody is told",
    fix: "Write `required`, if all your hosts have it; `gauntlet doctor` tells what a host has.",
    references: &["CWE-636"],
    bad: "version: 1\nisolation: { landlock: if-available }\n",
    flags: "if-available",
    good: "version: 1\nisolation: { landlock: required, namespaces: required, cgroup: required }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let here = &out.options().facts.mechanisms;
    for (name, requirement) in policy.isolation.mechanisms() {
        // What the policy leaves to the default is not written anywhere.
        let written = requirement.span.end > requirement.span.start;
        if requirement.value == Requirement::IfAvailable && written && here.iter().any(|offered| offered == name) {
            out.flag(&requirement.span, format!("`isolation.{name}` is optional, and this host has it"));
        }
    }
}
