//! A variable is named like a secret.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};
use crate::secrets;

pub(crate) const RULE: Rule = Rule {
    id: "environment-secret-name",
    group: Group::Environment,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "a variable is named like a secret",
    why: "The guest can print whatever its environment holds.",
    impact: "the guest reads a secret and can print it",
    fix: "Remove the variable; let the host make the calls that need the secret.",
    references: &["CWE-526", "CWE-522"],
    bad: "version: 1\ngrants:\n  environment: { GITHUB_TOKEN: from-the-vault }\n",
    flags: "GITHUB_TOKEN",
    good: "version: 1\ngrants:\n  environment: { MODE: production }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for variable in policy.grants.environment.iter().filter(|variable| secrets::is_secret_name(&variable.name.value)) {
        out.flag(&variable.name.span, format!("the variable `{}` is named like a secret", variable.name.value));
    }
}
