//! A secret stands in the policy.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};
use crate::secrets;

pub(crate) const RULE: Rule = Rule {
    id: "environment-secret-value",
    group: Group::Environment,
    severity: Severity::Critical,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "a secret stands in the policy",
    why: "A secret in a policy is in version control, in reports and in the guest.",
    impact: "everybody who reads the policy or a report has the secret",
    fix: "Take the secret out of the file, and replace it: it has been seen.",
    references: &["CWE-798", "CWE-526"],
    bad: "version: 1\ngrants:\n  environment: { REGION: AKIAIOSFODNN7EXAMPLE }\n",
    flags: "REGION",
    good: "version: 1\ngrants:\n  environment: { REGION: eu-west-1 }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    // The name is flagged and named, never the value.
    for variable in policy.grants.environment.iter().filter(|variable| secrets::is_secret_value(&variable.value.value))
    {
        out.flag(&variable.name.span, format!("the value of `{}` looks like a secret", variable.name.value));
    }
}
