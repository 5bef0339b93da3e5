//! A password stands in an address.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};
use crate::secrets;

pub(crate) const RULE: Rule = Rule {
    id: "environment-url-credentials",
    group: Group::Environment,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a password stands in an address",
    why: "The guest can print it, and so can every tool that logs the address.",
    impact: "everybody who reads the policy or a log has the password",
    fix: "Take user and password out of the address.",
    references: &["CWE-522"],
    bad: "version: 1\ngrants:\n  environment: { UPSTREAM: \"https://me:example@api.example.com/\" }\n",
    flags: "UPSTREAM",
    good: "version: 1\ngrants:\n  environment: { UPSTREAM: \"https://api.example.com/\" }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for variable in
        policy.grants.environment.iter().filter(|variable| secrets::has_url_credentials(&variable.value.value))
    {
        out.flag(&variable.name.span, format!("the address in `{}` holds a password", variable.name.value));
    }
    for argument in policy.grants.arguments.iter().filter(|argument| secrets::has_url_credentials(&argument.value)) {
        out.flag(&argument.span, "the address in an argument holds a password");
    }
}
