//! An address in an odd spelling.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-ip-odd-spelling",
    group: Group::Network,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "an address in an odd spelling",
    why: "Two readers take it for two addresses: one checks it, the other connects.",
    impact: "the address that is checked is not the one that is connected to",
    fix: "Write the address in its usual form, four decimal numbers or IPv6.",
    references: &["CWE-20", "CWE-918"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"2130706433:80\" }]\n",
    flags: "\"2130706433:80\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"203.0.113.7:80\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::all(policy) {
        if address.is_odd() {
            out.flag(&grant.address.span, format!("`{}` is an address in an odd spelling", grant.address.value));
        }
    }
}
