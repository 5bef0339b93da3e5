//! An address is granted, and the quota is zero.

use gauntlet_policy::{Limit, Policy, Scope};
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-grant-without-quota",
    group: Group::Limits,
    severity: Severity::Low,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "an address is granted, and the quota is zero",
    why: "A grant to connect and a limit of no connections contradict each other; both limits are zero unless the policy names them.",
    impact: "the guest fails at its first connection",
    fix: "Set `limits.connections` and `limits.network-bytes`, or remove the grant.",
    references: &["CWE-1284"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    flags: "\"api.example.com:443\"",
    good: "version: 1\nlimits: { connections: 4, network-bytes: 1MiB }\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let Some(grant) = policy.grants.network.iter().find(|grant| grant.scope == Scope::Connect) else { return };
    let none = [LimitKey::Connections, LimitKey::NetworkBytes].map(|key| (key, policy.limits.get(key)));
    for (key, limit) in none {
        match limit {
            Limit::At(0, at) => out.flag(&at, format!("`limits.{key}` is zero although an address is granted")),
            Limit::Default => {
                out.flag(&grant.address.span, format!("`limits.{key}` is not named, so nothing can be connected to"));
                return;
            }
            Limit::At(..) | Limit::Unlimited(_) | Limit::Share(..) => {}
        }
    }
}
