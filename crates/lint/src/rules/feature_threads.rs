//! Threads and shared memory are allowed.

use gauntlet_policy::{Feature, Policy};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "feature-threads",
    group: Group::Features,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "threads and shared memory are allowed",
    why: "Shared memory brings data races across the boundary, fuel that is counted for each thread alone, and a clock as fine as a loop.",
    impact: "the guest gets data races with the host and a fine clock",
    fix: "Write `threads: false`.",
    references: &["CWE-362", "CWE-208"],
    bad: "version: 1\nfeatures: { threads: true }\n",
    flags: "true",
    good: "version: 1\nfeatures: { threads: false }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Some((true, at)) = policy.features.named(Feature::Threads) {
        out.flag(&at, "`features.threads` is on");
    }
}
