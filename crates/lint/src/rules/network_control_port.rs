//! A port that machines are controlled by.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-control-port",
    group: Group::Network,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "a port that machines are controlled by",
    why: "Shells, remote desktops, container engines and cluster control planes listen there. A guest that gets in has a machine, not an answer.",
    impact: "the guest takes over another machine or the cluster",
    fix: "Remove the grant; let the host do what is to be done there.",
    references: &["CWE-923", "CWE-250"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"build.example.com:22\" }]\n",
    flags: "\"build.example.com:22\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"build.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::connects(policy) {
        if address.port_number().is_some_and(|port| PORTS.contains(&port))
            || address.is_below(&[
                "kubernetes.default.svc",
                "kubernetes.default",
                "kubernetes.default.svc.cluster.local",
            ])
        {
            out.flag(&grant.address.span, format!("machines are controlled through `{}`", grant.address.value));
        }
    }
}

/// Secure shell, telnet, remote desktops, Windows management, container engines, clusters and their stores, debuggers.
const PORTS: &[u16] = &[
    22, 23, 135, 139, 445, 512, 513, 514, 623, 2375, 2376, 2379, 2380, 3389, 5900, 5985, 5986, 6443, 9229, 10250, 10255,
];
