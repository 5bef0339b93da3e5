//! A proxy is granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses::{self, Address};
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-proxy",
    group: Group::Network,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "a proxy is granted",
    why: "A proxy connects wherever it is asked to: whoever may use it may use the whole network.",
    impact: "the guest reaches whatever the proxy reaches",
    fix: "Name the hosts that the guest needs, and let it connect to them itself.",
    references: &["CWE-441", "CWE-918"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"proxy.example.com:3128\" }]\n",
    flags: "\"proxy.example.com:3128\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::connects(policy) {
        if address.port_number().is_some_and(|port| PORTS.contains(&port)) || is_proxy(&address) {
            out.flag(&grant.address.span, format!("`{}` is a proxy, by its name or port", grant.address.value));
        }
    }
}

/// Ports that proxies listen on and hardly anything else: SOCKS, Squid, Privoxy, Tor.
const PORTS: &[u16] = &[1080, 3128, 8118, 9050, 9150];

fn is_proxy(address: &Address<'_>) -> bool {
    let name = address.name();
    name.split('.')
        .next()
        .is_some_and(|first| matches!(first, "proxy" | "squid" | "socks" | "http-proxy" | "webproxy" | "egress-proxy"))
}
