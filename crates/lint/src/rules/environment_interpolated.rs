//! A value that looks like a variable of the host.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "environment-interpolated",
    group: Group::Environment,
    severity: Severity::Low,
    category: Category::Compatibility,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "a value that looks like a variable of the host",
    why: "Nothing is put in here: the guest gets the text as it stands. In other readers of policies the environment of the host decides.",
    impact: "the guest gets a name in place of a value, or a secret of the host",
    fix: "Write the value out.",
    references: &["CWE-454"],
    bad: "version: 1\ngrants:\n  environment: { REGION: \"${AWS_REGION}\" }\n",
    flags: "{ |REGION",
    good: "version: 1\ngrants:\n  environment: { REGION: eu-west-1 }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for variable in &policy.grants.environment {
        if is_variable(&variable.value.value) {
            out.flag(
                &variable.name.span,
                format!("the value of `{}` looks like a variable of the host", variable.name.value),
            );
        }
    }
}

fn is_variable(value: &str) -> bool {
    let named = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '{' | '('));
    value.match_indices('$').any(|(at, _)| named(&value[at + 1..])) || value.contains("{{")
}
