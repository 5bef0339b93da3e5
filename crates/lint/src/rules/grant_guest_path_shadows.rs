//! Guest paths lie inside one another.

use gauntlet_policy::Policy;
use gauntlet_record::Severity;

use crate::paths::Clean;
use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-guest-path-shadows",
    severity: Severity::Medium,
    summary: "guest paths lie inside one another",
    why: "A path below both grants belongs to one of them, and executors differ about which.",
    fix: "Give the grants guest paths side by side.",
    references: &["CWE-706"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: /srv/a, guest: /data, access: read-only }\n    - { host: /srv/b, guest: /data/b, access: read-only }\n",
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
