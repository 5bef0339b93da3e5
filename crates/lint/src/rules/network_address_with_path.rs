//! An address with more than a host and a port.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-address-with-path",
    group: Group::Network,
    severity: Severity::Medium,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "an address with more than a host and a port",
    why: "Connections have a host and a port. A scheme or a path looks like a narrower grant and restricts nothing.",
    impact: "the guest uses every path of the host, and a reviewer believes that it uses one",
    fix: "Write `host:port` alone.",
    references: &["CWE-20", "CWE-183"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"https://api.example.com/v1/prices\" }]\n",
    flags: "\"https://api.example.com/v1/prices\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for grant in &policy.grants.network {
        if is_more(&grant.address.value) {
            out.flag(&grant.address.span, format!("`{}` is more than a host and a port", grant.address.value));
        }
    }
}

fn is_more(written: &str) -> bool {
    let behind = written.split_once("://").map_or(written, |(_, rest)| rest);
    // A range has a slash, too: what stands behind it is the number of its bits, and perhaps a port.
    let path = behind.split_once('/').is_some_and(|(_, path)| !path.starts_with(|c: char| c.is_ascii_digit()));
    behind.len() != written.len() || path || behind.contains(['?', '#', '@'])
}
