//! More open files than a process gets.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "open-files-too-many",
    group: Group::Limits,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "more open files than a process gets",
    why: "A process gets 1 024 descriptors unless somebody raised that: the system ends the run before this limit does, in the middle of something else.",
    impact: "the worker fails where the guest should have been refused",
    fix: "Lower `limits.open-files`; 32 is enough for most guests.",
    references: &["CWE-774"],
    bad: "version: 1\nlimits: { open-files: 65_536 }\n",
    flags: "65_536",
    good: "version: 1\nlimits: { open-files: 256 }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_above(policy, LimitKey::OpenFiles, MOST);
}

/// How many descriptors a process may have open unless it asks for more.
const MOST: u64 = 1_024;
