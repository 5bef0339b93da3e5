//! A name with a dot at its end.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-trailing-dot",
    group: Group::Network,
    severity: Severity::Low,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a name with a dot at its end",
    why: "With the dot it is the same host to name servers and another one to many checks.",
    impact: "a check on names takes it for another host",
    fix: "Remove the dot.",
    references: &["CWE-20"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com.:443\" }]\n",
    flags: "\"api.example.com.:443\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::all(policy) {
        if address.host.len() > 1 && address.host.ends_with('.') && address.block.is_none() {
            out.flag(&grant.address.span, format!("`{}` ends with a dot", grant.address.value));
        }
    }
}
