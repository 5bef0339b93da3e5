//! A secret stands in the arguments.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};
use crate::secrets;

pub(crate) const RULE: Rule = Rule {
    id: "arguments-secret",
    group: Group::Environment,
    severity: Severity::Critical,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "a secret stands in the arguments",
    why: "A secret in a policy is in version control, in reports, in process lists and in the guest.",
    impact: "everybody who reads the policy, a report or a process list has the secret",
    fix: "Take the secret out of the file, and replace it: it has been seen.",
    references: &["CWE-798", "CWE-214"],
    bad: "version: 1\ngrants:\n  arguments: [\"--key=AKIAIOSFODNN7EXAMPLE\"]\n",
    flags: "\"--key=AKIAIOSFODNN7EXAMPLE\"",
    good: "version: 1\ngrants:\n  arguments: [\"--verbose\"]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (i, argument) in policy.grants.arguments.iter().enumerate() {
        let named = argument
            .value
            .split_once('=')
            .is_some_and(|(name, value)| !value.is_empty() && secrets::is_secret_name(name));
        if named || secrets::is_secret_value(&argument.value) {
            out.flag(&argument.span, format!("argument {} looks like a secret", i + 1));
        }
    }
}
