//! A port of a plain-text protocol.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-plaintext",
    group: Group::Network,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "a port of a plain-text protocol",
    why: "What goes there can be read and changed on the way: a guest believes what an attacker on the network answers.",
    impact: "an attacker on the network reads what the guest sends and forges the answers",
    fix: "Use the port of the encrypted protocol, for example 443 in place of 80.",
    references: &["CWE-319"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com:80\" }]\n",
    flags: "\"api.example.com:80\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::connects(policy) {
        if !address.is_loopback() && address.port_number().is_some_and(|port| PORTS.contains(&port))
            || is_plain(&grant.address.value)
        {
            out.flag(&grant.address.span, format!("`{}` is not encrypted", grant.address.value));
        }
    }
}

/// Ports of protocols that are not encrypted as a rule: file transfer, terminals, mail, the web, directories, caches, message queues.
const PORTS: &[u16] = &[20, 21, 23, 25, 69, 80, 110, 143, 389, 1883, 6379, 8000, 8008, 8080, 11211];

fn is_plain(written: &str) -> bool {
    let scheme = written.split_once("://").map_or("", |(scheme, _)| scheme).to_lowercase();
    ["http", "ftp", "redis", "ws", "ldap", "mqtt", "amqp", "telnet"].contains(&scheme.as_str())
}
