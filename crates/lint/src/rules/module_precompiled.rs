//! Native code is accepted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "module-precompiled",
    group: Group::Modules,
    severity: Severity::Critical,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "native code is accepted",
    why: "Precompiled modules are native code that nothing verifies: whoever supplies one runs it outside of the sandbox.",
    impact: "native code of the attacker runs outside of the sandbox",
    fix: "Write `precompiled: refuse`; the executor has a cache of its own.",
    references: &["CWE-345", "https://docs.wasmtime.dev/api/wasmtime/struct.Module.html#method.deserialize"],
    bad: "version: 1\nmodules: { precompiled: accept }\n",
    flags: "accept",
    good: "version: 1\nmodules: { precompiled: refuse }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if policy.modules.precompiled.value {
        out.flag(&policy.modules.precompiled.span, "`modules.precompiled` is accepted");
    }
}
