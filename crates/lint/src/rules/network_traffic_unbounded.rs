//! Network use has no ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-traffic-unbounded",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "network use has no ceiling",
    why: "Sockets and bytes are resources of the host; without a ceiling a granted address is a channel of any width.",
    impact: "a guest takes out data without bound, or floods who it may reach",
    fix: "Set `limits.connections` and `limits.network-bytes`.",
    references: &["CWE-770"],
    bad: "version: 1\nlimits: { connections: unlimited }\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    flags: "unlimited",
    good: "version: 1\nlimits: { connections: 4, network-bytes: 1MiB }\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if !policy.grants.network.is_empty() {
        out.flag_unlimited(policy, LimitKey::Connections);
        out.flag_unlimited(policy, LimitKey::NetworkBytes);
        out.flag_unlimited(policy, LimitKey::Ports);
    }
}
