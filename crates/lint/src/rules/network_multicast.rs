//! A group of machines is granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses::{self, Block};
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-multicast",
    group: Group::Network,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a group of machines is granted",
    why: "What is sent to a multicast or broadcast address many machines answer: discovery, and floods that they send back.",
    impact: "the guest finds every machine nearby, or has them flood another one",
    fix: "Name the one host that the guest needs.",
    references: &["CWE-406", "CWE-923"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"239.255.255.250:1900\" }]\n",
    flags: "\"239.255.255.250:1900\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"203.0.113.7:1900\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::connects(policy) {
        if address.block.is_some_and(Block::is_group) {
            out.flag(&grant.address.span, format!("`{}` is a group of machines", grant.address.value));
        }
    }
}
