//! A waiver matches nothing.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "waiver-unused",
    group: Group::Waivers,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a waiver matches nothing",
    why: "What it accepted is mended. Left in place, it accepts the next one in silence.",
    impact: "a later fault is accepted before anybody has seen it",
    fix: "Remove the waiver.",
    references: &["NIST SP 800-53 RA-7"],
    bad: "version: 1\nwaivers: [{ rule: fuel-unbounded, reason: \"the deadline decides\", owner: ops, expires: 2026-06-30 }]\n",
    flags: "fuel-unbounded",
    good: "version: 1\nwaivers: [{ rule: fuel-unbounded, reason: \"the deadline decides\", owner: ops, expires: 2026-06-30 }]\nlimits: { fuel: unlimited }\n",
    check,
};

/// Nothing to do here: it takes all other findings, see [`crate::waivers::judge`].
const fn check(_: &Policy, _: &mut Findings<'_>) {}
