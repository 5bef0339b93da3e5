//! A variable is named like a secret.

use gauntlet_policy::Policy;
use gauntlet_record::Severity;

use crate::rule::{Findings, Rule};
use crate::secrets;

pub(crate) const RULE: Rule = Rule {
    id: "environment-secret-name",
    severity: Severity::High,
    summary: "a variable is named like a secret",
    why: "The guest can print whatever its environment holds.",
    fix: "Remove the variable; let the host make the calls that need the secret.",
    references: &["CWE-526", "CWE-522"],
    bad: "version: 1\ngrants:\n  environment: { GITHUB_TOKEN: from-the-vault }\n",
    good: "version: 1\ngrants:\n  environment: { MODE: production }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for variable in policy.grants.environment.iter().filter(|variable| secrets::is_secret_name(&variable.name.value)) {
        out.flag(&variable.name.span, format!("the variable `{}` is named like a secret", variable.name.value));
    }
}
