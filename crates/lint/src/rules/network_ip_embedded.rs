//! An address of IPv6 that stands for one of IPv4.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses::{self, Block};
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-ip-embedded",
    group: Group::Network,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "an address of IPv6 that stands for one of IPv4",
    why: "A translator or tunnel turns it into the address of IPv4 inside: a check on the outer address does not see the inner one.",
    impact: "the guest reaches an internal address that no rule on addresses sees",
    fix: "Write the address of IPv4, if that is meant.",
    references: &["CWE-918", "CWE-20"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"[64:ff9b::a9fe:a9fe]:80\" }]\n",
    flags: "\"[64:ff9b::a9fe:a9fe]:80\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"203.0.113.7:80\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::all(policy) {
        if address.block.is_some_and(Block::embeds_ipv4) {
            out.flag(&grant.address.span, format!("`{}` stands for an address of IPv4", grant.address.value));
        }
    }
}
