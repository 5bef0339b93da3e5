//! A pattern matches more than one domain.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses::{self, Address};
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-suffix-confusion",
    group: Group::Network,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a pattern matches more than one domain",
    why: "Without a dot before the name the pattern also matches `evil-` before it; with the star at the end it matches any domain that begins so.",
    impact: "the guest reaches a domain that the attacker registered for it",
    fix: "Name each host, or write `*.` and the whole domain.",
    references: &["CWE-183", "CWE-20"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"*example.com:443\" }]\n",
    flags: "\"*example.com:443\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::all(policy) {
        if is_confused(&address) {
            out.flag(&grant.address.span, format!("`{}` also matches domains of others", grant.address.value));
        }
    }
}

fn is_confused(address: &Address<'_>) -> bool {
    let name = address.name();
    let stars = name.matches('*').count();
    let whole = name == "*" || (stars == 1 && name.starts_with("*.") && name.len() > 2);
    name.starts_with('.') || (stars > 0 && !whole)
}
