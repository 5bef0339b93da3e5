//! A variable tells who runs the guest.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "environment-host-identity",
    group: Group::Environment,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "a variable tells who runs the guest",
    why: "User, host and connection are what an attacker asks for first.",
    impact: "the guest learns who runs it, where and from where",
    fix: "Remove the variable, or give it a made-up value and waive this.",
    references: &["CWE-497"],
    bad: "version: 1\ngrants:\n  environment: { HOSTNAME: build-7 }\n",
    flags: "HOSTNAME",
    good: "version: 1\ngrants:\n  environment: { MODE: production }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for variable in &policy.grants.environment {
        if NAMES.contains(&variable.name.value.to_uppercase().as_str()) {
            out.flag(&variable.name.span, format!("the variable `{}` tells who runs the guest", variable.name.value));
        }
    }
}

/// What shells and services set to say who and where they are.
const NAMES: &[&str] = &[
    "USER",
    "LOGNAME",
    "USERNAME",
    "HOME",
    "HOSTNAME",
    "COMPUTERNAME",
    "PWD",
    "OLDPWD",
    "SSH_CONNECTION",
    "SSH_CLIENT",
    "SUDO_USER",
    "MAIL",
];
