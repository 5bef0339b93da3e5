//! An argument tells a path of the host.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Clean;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "arguments-host-path",
    group: Group::Environment,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "an argument tells a path of the host",
    why: "Paths tell user names and layout of the host; the guest cannot open them anyway.",
    impact: "the guest learns user names and layout of the host",
    fix: "Write the path by which the guest knows the directory.",
    references: &["CWE-209"],
    bad: "version: 1\ngrants:\n  arguments: [\"--input=/home/alex/report.csv\"]\n",
    flags: "\"--input=/home/alex/report.csv\"",
    good: "version: 1\ngrants:\n  arguments: [\"--input=/data/report.csv\"]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (i, argument) in policy.grants.arguments.iter().enumerate() {
        let value = argument.value.split_once('=').map_or(argument.value.as_str(), |(_, value)| value);
        if Clean::of(value).is_within_any(HOMES) {
            out.flag(&argument.span, format!("argument {} is a path of the host", i + 1));
        }
    }
}

/// Where people of the host live; a guest has no such paths of its own.
const HOMES: &[&str] = &["/home", "/root", "/Users", "/etc", "/var/lib", "/opt"];
