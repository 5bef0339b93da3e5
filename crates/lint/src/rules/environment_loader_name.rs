//! A variable that steers loaders and interpreters.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "environment-loader-name",
    group: Group::Environment,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "a variable that steers loaders and interpreters",
    why: "These variables decide what a program loads. They tell the guest about the host, and act when they are passed on.",
    impact: "the guest learns the layout of the host, or steers what is loaded next",
    fix: "Remove the variable.",
    references: &["CWE-427"],
    bad: "version: 1\ngrants:\n  environment: { LD_PRELOAD: /lib/x.so }\n",
    flags: "LD_PRELOAD",
    good: "version: 1\ngrants:\n  environment: { MODE: production }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for variable in &policy.grants.environment {
        let name = variable.name.value.to_uppercase();
        if name.starts_with("LD_") || name.starts_with("DYLD_") || NAMES.contains(&name.as_str()) {
            out.flag(
                &variable.name.span,
                format!("the variable `{}` steers loaders or interpreters", variable.name.value),
            );
        }
    }
}

/// What shells, loaders and interpreters read before anything else.
const NAMES: &[&str] = &[
    "PATH",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "NODE_OPTIONS",
    "NODE_PATH",
    "RUBYOPT",
    "PERL5LIB",
    "PERL5OPT",
    "RUSTFLAGS",
    "BASH_ENV",
    "ENV",
    "JAVA_TOOL_OPTIONS",
];
