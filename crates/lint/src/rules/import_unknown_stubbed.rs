//! Unknown imports are stubbed.

use gauntlet_policy::Policy;
use gauntlet_record::Severity;

use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "import-unknown-stubbed",
    severity: Severity::High,
    summary: "unknown imports are stubbed",
    why: "A guest that asks for something unknown runs without it: a check that it relies on is missing, and nobody is told.",
    fix: "Write `imports: wasi-granted`, which refuses the module.",
    references: &["CWE-636"],
    bad: "version: 1\nmodules: { imports: stub-unknown }\n",
    good: "version: 1\nmodules: { imports: wasi-granted }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if policy.modules.unknown_imports.value {
        out.flag(&policy.modules.unknown_imports.span, "`modules.imports` stubs what it does not know");
    }
}
