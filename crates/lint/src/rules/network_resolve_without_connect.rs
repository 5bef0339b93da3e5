//! A name may be looked up and not connected to.

use gauntlet_policy::{Policy, Scope};
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-resolve-without-connect",
    group: Group::Network,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a name may be looked up and not connected to",
    why: "A lookup reaches servers of whoever owns the domain, and the name carries what the guest wrote into it. Without a connection it serves nothing else.",
    impact: "the guest takes out data inside the names that it looks up",
    fix: "Remove the grant, or grant the connection that it is for.",
    references: &["CWE-200"],
    bad: "version: 1\ngrants:\n  network: [{ resolve: \"api.example.com\" }]\n",
    flags: "\"api.example.com\"",
    good: "version: 1\ngrants:\n  network: [{ resolve: \"api.example.com\" }, { connect: \"api.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::all(policy).filter(|(grant, _)| grant.scope == Scope::Resolve) {
        let name = address.name();
        let used = addresses::connects(policy).any(|(_, other)| other.name() == name || other.is_any());
        if !used && !address.is_any() {
            out.flag(
                &grant.address.span,
                format!("`{}` may be looked up, and no grant connects to it", grant.address.value),
            );
        }
    }
}
