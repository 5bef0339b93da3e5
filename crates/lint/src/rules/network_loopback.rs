//! Services of the host itself are granted.

use gauntlet_policy::Policy;
use gauntlet_record::Severity;

use crate::addresses;
use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-loopback",
    severity: Severity::High,
    summary: "services of the host itself are granted",
    why: "Databases, agents and debuggers that listen on loopback trust whoever connects.",
    fix: "Remove the grant, or give the service an address of its own.",
    references: &["CWE-918"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"127.0.0.1:5432\" }]\n",
    good: "version: 1\ngrants:\n  network: [{ connect: \"db.example.com:5432\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::connects(policy) {
        if address.is_loopback() {
            out.flag(&grant.address.span, format!("`{}` is the host itself", grant.address.value));
        }
    }
}
