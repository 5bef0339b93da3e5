//! The guest may listen on every interface.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses::{self, Block};
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-listen-any",
    group: Group::Network,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the guest may listen on every interface",
    why: "It is reachable from outside of the host.",
    impact: "the guest is reachable from outside of the host",
    fix: "Bind to one address, at best loopback.",
    references: &["CWE-1327"],
    bad: "version: 1\ngrants:\n  network: [{ listen: \"0.0.0.0:8080\" }]\n",
    flags: "\"0.0.0.0:8080\"",
    good: "version: 1\ngrants:\n  network: [{ listen: \"127.0.0.1:8080\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::listens(policy) {
        if address.is_any() || address.block.is_some_and(Block::is_unspecified) || address.port_number() == Some(0) {
            out.flag(&grant.address.span, format!("`{}` is every interface or any port", grant.address.value));
        }
    }
}
