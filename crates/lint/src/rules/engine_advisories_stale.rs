//! What is known of the engine is more than half a year old.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::engine::KNOWN;
use crate::rule::{Findings, Group, Input, Rule};
use crate::waivers;

pub(crate) const RULE: Rule = Rule {
    id: "engine-advisories-stale",
    group: Group::Engine,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "what is known of the engine is more than half a year old",
    why: "An old list that finds nothing says little about today.",
    impact: "a hole that was published since is not found",
    fix: "Update this tool, or check the engine against a newer database with `gauntlet audit`.",
    references: &["NIST SP 800-53 RA-5"],
    bad: "# Linted for wasmtime 48.0.8 on 2027-06-30.\nversion: 1\n",
    flags: "version",
    good: "# Linted for wasmtime 48.0.8 on 2026-12-31.\nversion: 1\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let (Some(_), Some(today)) = (&out.options().engine, out.today()) else { return };
    if let (Some(copied), Some(today)) = (waivers::day(&KNOWN.date), waivers::day(today))
        && today.saturating_sub(copied) > MOST_DAYS
    {
        out.flag(&policy.section("version"), format!("advisories are known up to {}", KNOWN.date));
    }
}

/// Half a year.
const MOST_DAYS: u32 = 183;
