//! An address stands where a name could.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses::{self, Block};
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-ip-literal",
    group: Group::Network,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::Low,
    input: Input::Policy,
    summary: "an address stands where a name could",
    why: "An address does not say who is there, and in a cloud it is somebody else's tomorrow.",
    impact: "the guest talks to whoever got the address next",
    fix: "Write the name, if there is one.",
    references: &["CWE-1188"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"198.51.100.7:443\" }]\n",
    flags: "\"198.51.100.7:443\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::connects(policy) {
        if address.block.is_some_and(Block::is_single)
            && !address.is_loopback()
            && !address.is_private()
            && !address.covers_metadata()
            && !address.is_odd()
        {
            out.flag(&grant.address.span, format!("`{}` does not say who that is", grant.address.value));
        }
    }
}
