//! A variable whose name is read in more than one way.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "environment-name-odd",
    group: Group::Environment,
    severity: Severity::Medium,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a variable whose name is read in more than one way",
    why: "A name with `=`, a blank or a control character is cut or taken apart by one reader and not by another.",
    impact: "the guest gets another variable than the reviewer saw",
    fix: "Use letters, digits and `_`.",
    references: &["CWE-20"],
    bad: "version: 1\ngrants:\n  environment: { \"MODE=x\": production }\n",
    flags: "\"MODE=x\"",
    good: "version: 1\ngrants:\n  environment: { MODE: production }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for variable in &policy.grants.environment {
        if is_odd(&variable.name.value) && !variable.name.value.contains('*') {
            out.flag(&variable.name.span, format!("the name `{}` is read in more than one way", variable.name.value));
        }
    }
}

fn is_odd(name: &str) -> bool {
    name.is_empty() || name.chars().any(|c| c == '=' || c.is_whitespace() || c.is_control() || !c.is_ascii())
}
