//! A grant has no reason.

use gauntlet_policy::{Access, Policy, Spanned};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-without-reason",
    group: Group::Files,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a grant has no reason",
    why: "A reviewer has to be able to tell a grant that is needed from one that was left over.",
    impact: "grants that nobody needs stay, because nobody can tell",
    fix: "Add `reason:` and say what the guest needs it for.",
    references: &["NIST SP 800-53 AC-6"],
    bad: "version: 1\ngrants:\n  filesystem: [{ host: /srv/data, guest: /data, access: read-only }]\n",
    flags: "/srv/data",
    good: "version: 1\ngrants:\n  filesystem: [{ host: /srv/data, guest: /data, access: read-only, reason: \"input documents\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let empty = |reason: &Option<Spanned<String>>| reason.as_ref().is_none_or(|reason| reason.value.trim().is_empty());
    // A scratch directory reaches nothing of the host.
    for grant in
        policy.grants.filesystem.iter().filter(|grant| grant.access.value != Access::Scratch && empty(&grant.reason))
    {
        out.flag(&grant.host.span, format!("the grant of `{}` has no reason", grant.host.value));
    }
    for grant in policy.grants.network.iter().filter(|grant| empty(&grant.reason)) {
        out.flag(
            &grant.address.span,
            format!("the grant to {} `{}` has no reason", grant.scope.as_str(), grant.address.value),
        );
    }
}
