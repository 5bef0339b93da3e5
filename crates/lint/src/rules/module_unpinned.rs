//! Code is fetched by address, and nothing pins what arrives.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "module-unpinned",
    group: Group::Modules,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "fetched code is not pinned",
    why: "Whoever holds the address, or the way to it, decides what runs; what was reviewed is not what is fetched tomorrow.",
    impact: "somebody else's code runs with these grants",
    fix: "Name the SHA-256 of what was reviewed.",
    references: &["CWE-494", "NIST SP 800-190 3.1.5"],
    bad: "{ \"wasm\": [{ \"url\": \"https://example.com/latest.wasm\" }], \"memory\": { \"max_pages\": 16 } }\n",
    flags: "\"https://example.com/latest.wasm\"",
    good: "{ \"wasm\": [{ \"url\": \"https://example.com/1.wasm\", \"hash\": \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\" }], \"memory\": { \"max_pages\": 16 } }\n",
    check,
};

fn check(_: &Policy, out: &mut Findings<'_>) {
    out.flag_remarks();
}
