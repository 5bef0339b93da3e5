//! More host work than the deadline leaves time for.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity, Unit};

use crate::limits;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "host-work-beyond-deadline",
    group: Group::Limits,
    severity: Severity::Low,
    category: Category::Performance,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "more host work than the deadline leaves time for",
    why: "A byte of host work stands for up to about five nanoseconds of the host: the deadline ends the run before this limit does.",
    impact: "the limit never ends a run, and the guest keeps the host busy until its deadline",
    fix: "Lower `limits.host-work`; 64MiB is enough for most guests.",
    references: &["CWE-1284"],
    bad: "version: 1\nlimits: { deadline: 10s, host-work: 64GiB }\n",
    flags: "64GiB",
    good: "version: 1\nlimits: { deadline: 10s, host-work: 64MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let (Some((bytes, at)), Some(deadline)) =
        (limits::written(policy, LimitKey::HostWork), limits::known(policy, LimitKey::Deadline))
    else {
        return;
    };
    if bytes.saturating_mul(A_BYTE) > deadline {
        let shown = Unit::Bytes.show(bytes);
        out.flag(&at, format!("`limits.host-work` is {shown}, more than fits into {}", Unit::Time.show(deadline)));
    }
}

/// What a byte of host work costs at most, in nanoseconds, as the documentation of the limit says.
const A_BYTE: u64 = 5;
