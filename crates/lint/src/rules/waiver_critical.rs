//! One person alone accepts that the sandbox is open.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};
use crate::waivers;

pub(crate) const RULE: Rule = Rule {
    id: "waiver-critical",
    group: Group::Waivers,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "one person alone accepts that the sandbox is open",
    why: "A critical finding means that the guest gets the host. To accept that takes two people.",
    impact: "one mistake, or one account that was taken over, opens the sandbox",
    fix: "Mend the finding, or name two owners who both judged it: `owner: \"alex, sam\"`.",
    references: &["NIST SP 800-53 CA-6", "NIST SP 800-53 AC-5"],
    bad: "version: 1\nwaivers: [{ rule: grant-root, reason: \"the tool reads the whole host\", owner: ops, expires: 2026-06-30 }]\ngrants:\n  filesystem: [{ host: /, guest: /host, access: read-only }]\n",
    flags: "grant-root",
    good: "version: 1\nwaivers: [{ rule: grant-root, reason: \"the tool reads the whole host\", owner: \"alex, sam\", expires: 2026-06-30 }]\ngrants:\n  filesystem: [{ host: /, guest: /host, access: read-only }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for waiver in &policy.waivers {
        let owner = waiver.owner.as_ref().map_or("", |owner| owner.value.as_str());
        let owners = owner.split([',', ';', '&', '+']).filter(|name| !name.trim().is_empty()).count();
        if owners < 2 && waivers::rule(&waiver.rule.value).is_some_and(|rule| rule.severity == Severity::Critical) {
            out.flag(&waiver.rule.span, format!("one person alone waives the critical `{}`", waiver.rule.value));
        }
    }
}
