//! A fence is asked for and the process that it stands round is not.

use gauntlet_policy::{Policy, Requirement};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "isolation-without-process",
    group: Group::Isolation,
    severity: Severity::Medium,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a fence is asked for and the process that it stands round is not",
    why: "Filters, namespaces and groups are drawn round a process of its own. In the process of the caller they would confine the caller, so that they cannot be had.",
    impact: "nothing runs, or it runs without the fence that the policy asks for",
    fix: "Write `process: required`.",
    references: &["CWE-653"],
    bad: "version: 1\nisolation: { process: off, seccomp: required }\n",
    flags: "required",
    good: "version: 1\nisolation: { process: required, seccomp: required }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if policy.isolation.process.value != Requirement::Off {
        return;
    }
    for (name, requirement) in policy.isolation.mechanisms() {
        let written = requirement.span.end > requirement.span.start;
        if requirement.value == Requirement::Required && written && name != "process" {
            out.flag(&requirement.span, format!("`isolation.{name}` is required without a process of its own"));
        }
    }
}
