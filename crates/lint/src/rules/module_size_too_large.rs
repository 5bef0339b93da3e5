//! Modules may be larger than 100 MiB.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, LimitKey, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "module-size-too-large",
    group: Group::Limits,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "modules may be larger than 100 MiB",
    why: "Reading, checking and compiling costs the host in proportion to the size, before any limit of the guest counts.",
    impact: "a module holds a core and gigabytes before it runs",
    fix: "Lower `limits.module-size`; 10MiB is enough for most modules, 64MiB for an interpreter.",
    references: &["CWE-400"],
    bad: "version: 1\nlimits: { module-size: 1GiB }\n",
    flags: "1GiB",
    good: "version: 1\nlimits: { module-size: 64MiB }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    out.flag_above(policy, LimitKey::ModuleSize, MOST);
}

/// Interpreters with their library are 10 to 30 MiB; this is far above, in bytes.
const MOST: u64 = 100 << 20;
