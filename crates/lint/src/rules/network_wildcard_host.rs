//! Every name below a domain is granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-wildcard-host",
    group: Group::Network,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "every name below a domain is granted",
    why: "One forgotten or taken over name below the domain widens the grant to somebody else's machine.",
    impact: "the guest talks to a host that somebody took over",
    fix: "Name each host.",
    references: &["CWE-183"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"*.example.com:443\" }]\n",
    flags: "\"*.example.com:443\"",
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
