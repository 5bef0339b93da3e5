//! Unknown imports are stubbed.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "import-unknown-stubbed",
    group: Group::Modules,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "unknown imports are stubbed",
    why: "A guest that asks for something unknown runs without it: a check that it relies on is missing, and nobody is told.",
    impact: "a check that the guest relies on is silently missing",
    fix: "Write `imports: wasi-granted`, which refuses the module.",
    references: &["CWE-636"],
    bad: "version: 1\nmodules: { imports: stub-unknown }\n",
    flags: "stub-unknown",
    good: "version: 1\nmodules: { imports: wasi-granted }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if policy.modules.unknown_imports.value {
        out.flag(&policy.modules.unknown_imports.span, "`modules.imports` stubs what it does not know");
    }
}
