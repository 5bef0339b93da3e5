//! Services of the host itself are granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-loopback",
    group: Group::Network,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "services of the host itself are granted",
    why: "Databases, agents and debuggers that listen on loopback trust whoever connects.",
    impact: "the guest reaches services that trust everybody on the host",
    fix: "Remove the grant, or give the service an address of its own.",
    references: &["CWE-918"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"127.0.0.1:5432\" }]\n",
    flags: "\"127.0.0.1:5432\"",
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
