//! Guest paths lie inside one another.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Clean;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-guest-path-shadows",
    group: Group::Files,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "guest paths lie inside one another",
    why: "A path below both grants belongs to one of them, and executors differ about which.",
    impact: "a path of the guest leads to another directory on another executor",
    fix: "Give the grants guest paths side by side.",
    references: &["CWE-706"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: /srv/a, guest: /data, access: read-only }\n    - { host: /srv/b, guest: /data/b, access: read-only }\n",
    flags: "/data/b",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: /srv/a, guest: /data, access: read-only }\n    - { host: /srv/b, guest: /other, access: read-only }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let guests: Vec<Clean> = policy.grants.filesystem.iter().map(|grant| Clean::of(&grant.guest.value)).collect();
    for (grant, inner) in policy.grants.filesystem.iter().zip(&guests) {
        if let Some(at) = guests.iter().position(|outer| inner.is_below(outer)) {
            let outer = &policy.grants.filesystem[at].guest.value;
            out.flag(&grant.guest.span, format!("the guest path `{}` lies inside `{outer}`", grant.guest.value));
        }
    }
}
