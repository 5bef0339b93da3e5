//! The engine gets no more fixes.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::engine::{KNOWN, Version};
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "engine-end-of-life",
    group: Group::Engine,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the engine gets no more fixes",
    why: "The release line that guests would run on has come to its end: the next hole stays open.",
    impact: "an attacker uses the next hole of the engine, which nobody will close",
    fix: "Update to a line that gets fixes; every twelfth one gets them for two years.",
    references: &["CWE-1104", "NIST SP 800-53 SA-22"],
    bad: "# Linted for wasmtime 47.0.3 on 2027-01-31.\nversion: 1\n",
    flags: "version",
    good: "# Linted for wasmtime 48.0.8 on 2027-01-31.\nversion: 1\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let Some(version) = out.options().engine.as_deref().and_then(Version::parse) else { return };
    if let Some(until) = KNOWN.fixed_until(version.line())
        && out.today().and_then(|today| today.get(..7)).is_some_and(|month| month > until.as_str())
    {
        out.flag(&policy.section("version"), format!("wasmtime {} got its last fixes in {until}", version.line()));
    }
}
