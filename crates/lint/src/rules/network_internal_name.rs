//! A name of an internal network.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-internal-name",
    group: Group::Network,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "a name of an internal network",
    why: "Services behind such names trust who can reach them: there is no password between them and a guest.",
    impact: "the guest moves on to other machines of the network",
    fix: "Let the host call the service, and hand the guest the answer.",
    references: &["CWE-918", "NIST SP 800-190 3.4.2"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"billing.prod.svc.cluster.local:443\" }]\n",
    flags: "\"billing.prod.svc.cluster.local:443\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"billing.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::connects(policy) {
        if address.is_below(DOMAINS) && !address.covers_metadata() {
            out.flag(&grant.address.span, format!("`{}` is on an internal network", grant.address.value));
        }
    }
}

/// Domains that no public name server knows.
const DOMAINS: &[&str] = &[
    "internal",
    "local",
    "lan",
    "intranet",
    "corp",
    "home",
    "home.arpa",
    "private",
    "svc",
    "cluster.local",
    "consul",
    "test",
    "localdomain",
];
