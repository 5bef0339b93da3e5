//! The digest of nothing.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "module-digest-empty",
    group: Group::Modules,
    severity: Severity::Medium,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the digest of nothing",
    why: "This is the digest of an empty file: it was made of a file that was not there yet, or of a failed download.",
    impact: "no module runs, and whoever mends it in a hurry unpins them all",
    fix: "Make the digest of the module itself, with `sha256sum`.",
    references: &["CWE-354"],
    bad: "version: 1\nmodules: { sha256: [e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855] }\n",
    flags: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    good: "version: 1\nmodules: { sha256: [5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03] }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for digest in policy.modules.sha256.iter().filter(|digest| digest.value == EMPTY) {
        out.flag(&digest.span, "this is the digest of an empty file");
    }
}

/// SHA-256 of no bytes.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
