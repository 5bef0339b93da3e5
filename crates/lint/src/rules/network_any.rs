//! The whole network is granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-any",
    group: Group::Network,
    severity: Severity::Critical,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the whole network is granted",
    why: "A guest that may connect anywhere is not isolated: it reaches internal services and takes out whatever it reads.",
    impact: "the guest reaches internal services and takes out what it reads",
    fix: "Name the hosts and ports that the guest needs.",
    references: &["CWE-923", "NIST SP 800-190 3.4.2"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"*\" }]\n",
    flags: "\"*\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::connects(policy) {
        if address.is_any() {
            out.flag(&grant.address.span, format!("`{}` names every address", grant.address.value));
        }
    }
}
