//! The guest sees the path of the host.

use gauntlet_policy::Policy;
use gauntlet_record::Severity;

use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-guest-unnamed",
    severity: Severity::Low,
    summary: "the guest sees the path of the host",
    why: "Without a guest path the guest gets the host's: it tells user names and layout of the host.",
    fix: "Add `guest:` with a name of its own, for example `/data`.",
    references: &["CWE-209"],
    bad: "version: 1\ngrants:\n  filesystem: [{ host: /srv/data, access: read-only }]\n",
    good: "version: 1\ngrants:\n  filesystem: [{ host: \"/srv/data\", guest: /data, access: read-only }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for grant in policy.grants.filesystem.iter().filter(|grant| !grant.guest_named) {
        out.flag(&grant.host.span, format!("the guest sees `{}` under its name on the host", grant.host.value));
    }
}
