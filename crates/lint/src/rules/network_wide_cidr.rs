//! A very wide range of addresses is granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-wide-cidr",
    group: Group::Network,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a very wide range of addresses is granted",
    why: "Nobody knows who is in a range of millions of addresses, today or next year.",
    impact: "the guest talks to machines that nobody knows",
    fix: "Name the hosts, or a range of at most 65 536 addresses.",
    references: &["CWE-923"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"8.0.0.0/8:443\" }]\n",
    flags: "\"8.0.0.0/8:443\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"203.0.113.0/24:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::connects(policy) {
        if address.is_wide() {
            out.flag(&grant.address.span, format!("`{}` covers millions of addresses", grant.address.value));
        }
    }
}
