//! Every name may be looked up.

use gauntlet_policy::{Policy, Scope};
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-dns-open",
    group: Group::Network,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "every name may be looked up",
    why: "A guest that may look up any name sends data out inside the names.",
    impact: "the guest takes out data inside the names that it looks up",
    fix: "Name the hosts that the guest may look up.",
    references: &["CWE-200"],
    bad: "version: 1\ngrants:\n  network: [{ resolve: \"*\" }]\n",
    flags: "\"*\"",
    good: "version: 1\ngrants:\n  network: [{ resolve: \"api.example.com\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::all(policy) {
        if grant.scope == Scope::Resolve && address.is_any() {
            out.flag(&grant.address.span, format!("`{}` lets the guest look up every name", grant.address.value));
        }
    }
}
