//! A tenant may use less than one of its runs.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::limits;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "per-tenant-below-run",
    group: Group::Limits,
    severity: Severity::Low,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a tenant may use less than one of its runs",
    why: "The budget of a tenant cuts every run below the limit that the policy names for a run.",
    impact: "runs end at a limit that a reader of `limits` does not see",
    fix: "Raise the budget, or lower the limit of a run.",
    references: &["CWE-1284"],
    bad: "version: 1\nlimits: { memory: 128MiB }\nper-tenant: { memory: 64MiB }\n",
    flags: "per-tenant: { |memory",
    good: "version: 1\nlimits: { memory: 64MiB }\nper-tenant: { memory: 256MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (key, number) in &policy.per_tenant.named {
        let limit = match key.value.as_str() {
            "cpu-time" => LimitKey::CpuTime,
            "memory" => LimitKey::Memory,
            "disk" => LimitKey::Disk,
            "network-bytes" => LimitKey::NetworkBytes,
            _ => continue,
        };
        if let Some((run, _)) = limits::written(policy, limit)
            && *number > 0
            && *number < run
        {
            let shown = (limit.unit().show(*number), limit.unit().show(run));
            let message =
                format!("`per-tenant.{limit}` is {}, less than `limits.{limit}`, which is {}", shown.0, shown.1);
            out.flag(&key.span, message);
        }
    }
}
