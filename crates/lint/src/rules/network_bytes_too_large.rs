//! More than a gibibyte over the network.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-bytes-too-large",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "more than a gibibyte over the network",
    why: "The limit bounds what a guest can carry out of what it reads.",
    impact: "the guest takes out whole data sets",
    fix: "Lower `limits.network-bytes` to what the guest needs.",
    references: &["CWE-770"],
    bad: "version: 1\nlimits: { network-bytes: 100GiB }\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    flags: "100GiB",
    good: "version: 1\nlimits: { network-bytes: 16MiB }\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if !policy.grants.network.is_empty() {
        out.flag_above(policy, LimitKey::NetworkBytes, MOST);
    }
}

/// A gibibyte.
const MOST: u64 = 1 << 30;
