//! The guest may listen.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-listen",
    group: Group::Network,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the guest may listen",
    why: "A guest that listens is reachable: it becomes a service that nobody runs on purpose.",
    impact: "others reach the guest: a service that nobody runs on purpose",
    fix: "Remove the grant; let the host accept connections and hand over the requests.",
    references: &["CWE-668"],
    bad: "version: 1\ngrants:\n  network: [{ listen: \"127.0.0.1:8080\" }]\n",
    flags: "\"127.0.0.1:8080\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::listens(policy) {
        if !address.host.is_empty() || address.port.is_some() {
            out.flag(&grant.address.span, format!("`{}` lets the guest listen", grant.address.value));
        }
    }
}
