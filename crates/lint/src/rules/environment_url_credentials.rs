//! A password stands in an address.

use gauntlet_policy::Policy;
use gauntlet_record::Severity;

use crate::rule::{Findings, Rule};
use crate::secrets;

pub(crate) const RULE: Rule = Rule {
    id: "environment-url-credentials",
    severity: Severity::High,
    summary: "a password stands in an address",
    why: "The guest can print it, and so can every tool that logs the address.",
    fix: "Take user and password out of the address.",
    references: &["CWE-522"],
    bad: "version: 1\ngrants:\n  environment: { UPSTREAM: \"https://me:example@api.example.com/\" }\n",
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
