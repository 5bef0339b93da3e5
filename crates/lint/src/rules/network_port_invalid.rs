//! A port that is none.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-port-invalid",
    group: Group::Network,
    severity: Severity::Medium,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a port that is none",
    why: "Ports are numbers from 1 to 65535: anything else is refused, or cut to another port by whoever reads it.",
    impact: "the guest reaches another port than the reviewer saw, or none",
    fix: "Write a number from 1 to 65535.",
    references: &["CWE-20"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com:https\" }]\n",
    flags: "\"api.example.com:https\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::all(policy) {
        if address.port.is_some_and(|port| port != "*" && !port.is_empty() && !is_port(port)) {
            out.flag(&grant.address.span, format!("`{}` names no port", grant.address.value));
        }
    }
}

/// A number, or a range of two.
fn is_port(text: &str) -> bool {
    let number = |text: &str| !text.starts_with('+') && text.parse::<u16>().is_ok_and(|port| port > 0 || text == "0");
    match text.split_once('-') {
        Some((from, to)) => number(from) && number(to),
        None => number(text),
    }
}
