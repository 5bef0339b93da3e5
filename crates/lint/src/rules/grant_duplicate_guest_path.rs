//! Two grants have one guest path.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Clean;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-duplicate-guest-path",
    group: Group::Files,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "two grants have one guest path",
    why: "Which of the two the guest gets depends on their order, and executors differ about it.",
    impact: "the guest gets the directory that was not meant",
    fix: "Give each grant a guest path of its own.",
    references: &["CWE-694"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: /srv/a, guest: /data, access: read-only }\n    - { host: /srv/b, guest: /data/, access: read-only }\n",
    flags: "/data/",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: /srv/a, guest: /a, access: read-only }\n    - { host: /srv/b, guest: /b, access: read-only }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let mut seen: Vec<(Clean, u32)> = Vec::new();
    for grant in &policy.grants.filesystem {
        let guest = Clean::of(&grant.guest.value);
        match seen.iter().find(|(other, _)| *other == guest) {
            Some((_, line)) => out.flag(
                &grant.guest.span,
                format!("the guest path `{}` is already granted on line {line}", grant.guest.value),
            ),
            None => seen.push((guest, grant.guest.span.line)),
        }
    }
}
