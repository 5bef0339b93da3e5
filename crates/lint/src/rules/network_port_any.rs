//! Every port is granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-port-any",
    group: Group::Network,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "every port is granted",
    why: "Without a port the grant covers mail, remote shells and databases on that host.",
    impact: "the guest reaches mail, shells and databases of the granted host",
    fix: "Add the port, for example `:443`.",
    references: &["CWE-923"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com\" }]\n",
    flags: "\"api.example.com\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::connects(policy) {
        if !address.is_any() && address.port_number().is_none_or(|port| port == 0) {
            out.flag(&grant.address.span, format!("`{}` names no single port", grant.address.value));
        }
    }
}
