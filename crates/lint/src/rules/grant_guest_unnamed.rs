//! The guest sees the path of the host.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-guest-unnamed",
    group: Group::Files,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the guest sees the path of the host",
    why: "Without a guest path the guest gets the host's: it tells user names and layout of the host.",
    impact: "the guest learns user names and layout of the host",
    fix: "Add `guest:` with a name of its own, for example `/data`.",
    references: &["CWE-209"],
    bad: "version: 1\ngrants:\n  filesystem: [{ host: /srv/data, access: read-only }]\n",
    flags: "/srv/data",
    good: "version: 1\ngrants:\n  filesystem: [{ host: \"/srv/data\", guest: /data, access: read-only }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for grant in policy.grants.filesystem.iter().filter(|grant| !grant.guest_named) {
        out.flag(&grant.host.span, format!("the guest sees `{}` under its name on the host", grant.host.value));
    }
}
