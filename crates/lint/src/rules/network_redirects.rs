//! A host that redirects anywhere.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-redirects",
    group: Group::Network,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a host that redirects anywhere",
    why: "Whoever writes a link there chooses where it leads. A client that follows it leaves the granted host, and one whose executor checks only the first address gets there.",
    impact: "the guest is led to internal services by a link that anybody can write",
    fix: "Name the hosts that the links lead to.",
    references: &["CWE-601", "CWE-918"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"bit.ly:443\" }]\n",
    flags: "\"bit.ly:443\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::connects(policy) {
        if address.is_below(HOSTS) {
            out.flag(&grant.address.span, format!("`{}` redirects wherever a link says", grant.address.value));
        }
    }
}

/// Services whose only work is to redirect to what anybody wrote.
const HOSTS: &[&str] = &[
    "bit.ly",
    "buff.ly",
    "cutt.ly",
    "goo.gl",
    "is.gd",
    "lnkd.in",
    "ow.ly",
    "rebrand.ly",
    "short.io",
    "t.co",
    "t.ly",
    "tiny.cc",
    "tinyurl.com",
    "v.gd",
];
