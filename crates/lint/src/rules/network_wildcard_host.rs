//! Every name below a domain is granted.

use gauntlet_policy::Policy;
use gauntlet_record::Severity;

use crate::addresses;
use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-wildcard-host",
    severity: Severity::Medium,
    summary: "every name below a domain is granted",
    why: "One forgotten or taken over name below the domain widens the grant to somebody else's machine.",
    fix: "Name each host.",
    references: &["CWE-183"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"*.example.com:443\" }]\n",
    good: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::all(policy) {
        if address.host.len() > 1 && address.host.contains('*') {
            out.flag(&grant.address.span, format!("`{}` names every host below a domain", grant.address.value));
        }
    }
}
