//! Tables may take more than the memory ceiling.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity, Unit};

use crate::limits;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "table-elements-exceed-memory",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "tables may take more than the memory ceiling",
    why: "An element of a table takes 8 to 16 bytes of the host, which no limit on linear memory counts.",
    impact: "the guest takes more memory of the host by tables than by its memory",
    fix: "Lower `limits.table-elements`; 10_000 is enough for most modules, 20_000 for an interpreter.",
    references: &["CWE-789"],
    bad: "version: 1\nlimits: { memory: 16MiB, table-elements: 100_000_000 }\n",
    flags: "100_000_000",
    good: "version: 1\nlimits: { memory: 16MiB, table-elements: 10_000 }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let (Some((elements, at)), Some(memory)) =
        (limits::written(policy, LimitKey::TableElements), limits::known(policy, LimitKey::Memory))
    else {
        return;
    };
    let bytes = elements.saturating_mul(AN_ELEMENT);
    if bytes > memory {
        let shown = (Unit::Bytes.show(bytes), Unit::Bytes.show(memory));
        out.flag(&at, format!("tables may take {}, more than `limits.memory`, which is {}", shown.0, shown.1));
    }
}

/// What an element takes at least, in bytes: a pointer.
const AN_ELEMENT: u64 = 8;
