//! The whole environment of the host is granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "environment-inherit-all",
    group: Group::Environment,
    severity: Severity::Critical,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the whole environment of the host is granted",
    why: "The environment of a build or a service holds its tokens and passwords.",
    impact: "the guest reads every secret of the process that started it",
    fix: "Name each variable that the guest needs, with its value.",
    references: &["CWE-526", "NIST SP 800-190 3.1.4"],
    bad: "version: 1\ngrants:\n  environment: { \"*\": inherit }\n",
    flags: "\"*\"",
    good: "version: 1\ngrants:\n  environment: { MODE: production }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for variable in &policy.grants.environment {
        if variable.name.value.contains('*') {
            out.flag(&variable.name.span, format!("`{}` stands for variables that nobody named", variable.name.value));
        }
    }
}
