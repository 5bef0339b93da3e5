//! One waiver silences several holes.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "waiver-silences-several",
    group: Group::Waivers,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "one waiver silences several holes",
    why: "A waiver holds for the whole file: it accepts each finding of its rule, also those that came after it was judged.",
    impact: "holes that nobody judged are accepted with the one that somebody did",
    fix: "Mend all but one of the findings, or part the policy.",
    references: &["NIST SP 800-53 RA-7"],
    bad: "version: 1\nwaivers: [{ rule: grant-home, reason: \"the tool reads one profile\", owner: ops, expires: 2026-06-30 }]\ngrants:\n  filesystem:\n    - { host: /home/alex, guest: /a, access: read-only }\n    - { host: /home/sam, guest: /b, access: read-only }\n",
    flags: "grant-home",
    good: "version: 1\nwaivers: [{ rule: grant-home, reason: \"the tool reads one profile\", owner: ops, expires: 2026-06-30 }]\ngrants:\n  filesystem:\n    - { host: /home/alex, guest: /a, access: read-only }\n",
    check,
};

/// Nothing to do here: it takes all other findings, see [`crate::waivers::judge`].
const fn check(_: &Policy, _: &mut Findings<'_>) {}
