//! A limit depends on the host.

use gauntlet_policy::{Limit, Policy};
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "limit-share",
    group: Group::Limits,
    severity: Severity::Info,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a limit depends on the host",
    why: "A share of the host is another limit on another host: what was tested on one is not what holds on the other.",
    impact: "guests that ran on one host fail on a smaller one",
    fix: "Write the size, if the guest needs the same everywhere.",
    references: &["CWE-1188"],
    bad: "version: 1\nlimits: { memory: 25% }\n",
    flags: "25%",
    good: "version: 1\nlimits: { memory: 64MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for key in LimitKey::ALL.iter().copied() {
        if let Limit::Share(percent, at) = policy.limits.get(key) {
            out.flag(&at, format!("`limits.{key}` is {percent}% of whatever host this runs on"));
        }
    }
}
