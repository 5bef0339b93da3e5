//! A reason that says nothing.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-reason-vague",
    group: Group::Files,
    severity: Severity::Info,
    category: Category::Security,
    confidence: Confidence::Low,
    input: Input::Policy,
    summary: "a reason that says nothing",
    why: "A reviewer has to be able to tell from the reason whether the grant is still needed.",
    impact: "grants that nobody needs stay, because nobody can tell",
    fix: "Say what the guest does with it, for example \"reads the price list\".",
    references: &["NIST SP 800-53 AC-6"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: /srv/data, guest: /data, access: read-only, reason: \"needed\" }\n",
    flags: "\"needed\"",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: /srv/data, guest: /data, access: read-only, reason: \"reads the price list\" }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let files = policy.grants.filesystem.iter().filter_map(|grant| grant.reason.as_ref());
    let network = policy.grants.network.iter().filter_map(|grant| grant.reason.as_ref());
    for reason in files.chain(network) {
        let text = reason.value.trim().to_lowercase();
        let vague = text.chars().count() < LEAST || WORDS.iter().any(|word| text == *word);
        if !text.is_empty() && (vague || text.starts_with("todo") || text.starts_with("fixme")) {
            out.flag(&reason.span, "the reason does not say what the grant is for");
        }
    }
}

/// Fewest characters of a reason that says something.
const LEAST: usize = 4;
/// What people write where a reason is asked for.
const WORDS: &[&str] = &[
    "needed",
    "required",
    "necessary",
    "because",
    "data",
    "files",
    "access",
    "temporary",
    "test",
    "testing",
    "n/a",
    "none",
    "legacy",
    "default",
];
