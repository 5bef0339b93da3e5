//! Advisories are open for the engine.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::engine::{KNOWN, Version};
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "engine-vulnerable",
    group: Group::Engine,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "advisories are open for the engine",
    why: "The release that guests would run on has holes that are published, with a way to use them.",
    impact: "an attacker uses a published hole of the engine",
    fix: "Update to a release that has the fixes; the message names the nearest one.",
    references: &["CWE-1395", "NIST SP 800-53 RA-5", "NIST SP 800-190 3.4.1"],
    bad: "# Linted for wasmtime 47.0.2.\nversion: 1\n",
    flags: "version",
    good: "# Linted for wasmtime 48.0.8.\nversion: 1\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let Some(version) = out.options().engine.as_deref().and_then(Version::parse) else { return };
    for advisory in KNOWN.open(version) {
        let fixed = advisory.patched_after(version).map_or_else(String::new, |fixed| format!("; fixed in {fixed}"));
        let message =
            format!("{} ({}) is open for wasmtime {version}: {}{fixed}", advisory.id, advisory.alias, advisory.title);
        out.flag(&policy.section("version"), message);
    }
}
