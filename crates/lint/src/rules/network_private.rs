//! A private network is granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-private",
    group: Group::Network,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "a private network is granted",
    why: "Internal services are rarely made for hostile neighbours: this is how one breach becomes many.",
    impact: "the guest moves on to other machines of the network",
    fix: "Name single hosts, and put a service in front of them that checks who asks.",
    references: &["CWE-918", "NIST SP 800-190 3.4.2"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"10.1.2.3:443\" }]\n",
    flags: "\"10.1.2.3:443\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"203.0.113.7:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::connects(policy) {
        if address.is_private() && !address.covers_metadata() {
            out.flag(&grant.address.span, format!("`{}` is on a private network", grant.address.value));
        }
    }
}
