//! A variable that sends traffic elsewhere.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "environment-proxy",
    group: Group::Environment,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a variable that sends traffic elsewhere",
    why: "Clients send what they send through the proxy that these variables name, password and all.",
    impact: "whoever runs the proxy reads and changes what the guest sends",
    fix: "Remove the variable.",
    references: &["CWE-441"],
    bad: "version: 1\ngrants:\n  environment: { HTTPS_PROXY: \"proxy.example.com:3128\" }\n",
    flags: "HTTPS_PROXY",
    good: "version: 1\ngrants:\n  environment: { MODE: production }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for variable in &policy.grants.environment {
        if NAMES.contains(&variable.name.value.to_uppercase().as_str()) {
            out.flag(&variable.name.span, format!("the variable `{}` sends traffic elsewhere", variable.name.value));
        }
    }
}

/// What clients read for a proxy.
const NAMES: &[&str] =
    &["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY", "NO_PROXY", "SOCKS_PROXY", "CGI_HTTP_PROXY"];
