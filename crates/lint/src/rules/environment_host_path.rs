//! A variable tells a path of the host.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Clean;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "environment-host-path",
    group: Group::Environment,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "a variable tells a path of the host",
    why: "Paths tell user names and layout of the host, which an attacker needs next.",
    impact: "the guest learns user names and layout of the host",
    fix: "Write the path by which the guest knows the directory.",
    references: &["CWE-209"],
    bad: "version: 1\ngrants:\n  environment: { DATA: /home/alex/project }\n",
    flags: "DATA",
    good: "version: 1\ngrants:\n  environment: { DATA: /data }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for variable in &policy.grants.environment {
        if is_host_path(&variable.value.value) {
            out.flag(&variable.name.span, format!("the value of `{}` is a path of the host", variable.name.value));
        }
    }
}

/// Where people and services of the host live; a guest has no such paths of its own.
fn is_host_path(value: &str) -> bool {
    let roots = ["/home", "/root", "/Users", "/var", "/etc", "/opt", "/usr", "/srv", "/mnt", "/proc", "/sys", "/run"];
    let windows = value.as_bytes().get(1) == Some(&b':') && value.contains('\\');
    windows || (Clean::of(value).is_within_any(&roots) && !value.contains(':'))
}
