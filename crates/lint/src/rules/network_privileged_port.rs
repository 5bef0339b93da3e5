//! The guest may listen on a privileged port.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-privileged-port",
    group: Group::Network,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the guest may listen on a privileged port",
    why: "Ports below 1024 need privilege, so the executor would have to run with it.",
    impact: "the executor has to run with rights that an escaped guest inherits",
    fix: "Listen on a port from 1024.",
    references: &["CWE-250"],
    bad: "version: 1\ngrants:\n  network: [{ listen: \"127.0.0.1:80\" }]\n",
    flags: "\"127.0.0.1:80\"",
    good: "version: 1\ngrants:\n  network: [{ listen: \"127.0.0.1:8080\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::listens(policy) {
        if address.port_number().is_some_and(|port| (1..1024).contains(&port)) {
            out.flag(&grant.address.span, format!("`{}` is a privileged port", grant.address.value));
        }
    }
}
