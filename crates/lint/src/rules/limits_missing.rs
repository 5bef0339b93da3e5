//! Limits are left to their defaults.

use gauntlet_policy::{Limit, Limits, Policy};
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "limits-missing",
    group: Group::Limits,
    severity: Severity::Low,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "limits are left to their defaults",
    why: "An absent limit takes the strict default. That is safe, but a reader of the policy cannot see what holds, and a later release may choose another default.",
    impact: "what holds changes with the release, unseen by a reviewer",
    fix: "Write the limits out; the preset `strict` has them all.",
    references: &["CWE-1188"],
    bad: "version: 1\nlimits: { memory: 64MiB }\n",
    flags: "limits",
    good: "version: 1\nlimits: { deadline: 10s, cpu-time: 5s, fuel: 100_000_000, memory: 64MiB, table-elements: 10_000, instances: 16, stack: 1MiB, module-size: 10MiB, compile-time: 5s, compile-memory: 512MiB, output: 1MiB, host-work: 64MiB, open-files: 32, disk: 64MiB, files: 1_000, file-size: 16MiB, connections: 0, network-bytes: 0B, handles: 1_000, ports: 0 }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let absent = |key: &&LimitKey| policy.limits.get(**key) == Limit::Default && Limits::strict(**key).is_some();
    let missing: Vec<&str> = LimitKey::ALL.iter().filter(absent).map(|key| key.as_str()).collect();
    if !missing.is_empty() {
        let shown = missing.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
        let more = if missing.len() > SHOWN { format!(" and {} more", missing.len() - SHOWN) } else { String::new() };
        out.flag(&policy.section("limits"), format!("the strict default holds for {shown}{more}"));
    }
}

/// How many limits a message names.
const SHOWN: usize = 6;
