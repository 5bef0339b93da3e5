//! More than a thousand connections.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "connections-too-many",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "more than a thousand connections",
    why: "Each connection is a socket of the host, and a try at somebody else.",
    impact: "the guest floods who it may reach, and the host runs out of sockets",
    fix: "Lower `limits.connections` to what the guest needs.",
    references: &["CWE-770"],
    bad: "version: 1\nlimits: { connections: 100_000 }\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    flags: "100_000",
    good: "version: 1\nlimits: { connections: 16 }\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if !policy.grants.network.is_empty() {
        out.flag_above(policy, LimitKey::Connections, MOST);
    }
}

/// More than a guest needs that is no load generator.
const MOST: u64 = 1_000;
