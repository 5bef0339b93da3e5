//! A name server is granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-dns-server",
    group: Group::Network,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a name server is granted",
    why: "Whoever talks to a name server itself looks up any name: data goes out inside the names, and no rule on names holds.",
    impact: "the guest takes out data inside the names that it looks up",
    fix: "Grant the names with `resolve`, and let the host look them up.",
    references: &["CWE-200"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"9.9.9.9:53\" }]\n",
    flags: "\"9.9.9.9:53\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::connects(policy) {
        if address.port_number().is_some_and(|port| matches!(port, 53 | 853 | 5353)) || address.is_below(HOSTS) {
            out.flag(&grant.address.span, format!("`{}` is a name server", grant.address.value));
        }
    }
}

/// Services that look names up over HTTPS.
const HOSTS: &[&str] =
    &["dns.google", "cloudflare-dns.com", "one.one.one.one", "dns.quad9.net", "doh.opendns.com", "dns.nextdns.io"];
