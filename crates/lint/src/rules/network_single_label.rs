//! A name without a domain.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses::{self, Address};
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-single-label",
    group: Group::Network,
    severity: Severity::Low,
    category: Category::Compatibility,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "a name without a domain",
    why: "Which host it is depends on the search list of the machine that looks it up.",
    impact: "on another machine the guest reaches another host",
    fix: "Write the whole name.",
    references: &["CWE-350"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"database:5432\" }]\n",
    flags: "\"database:5432\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"database.example.com:5432\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::connects(policy) {
        if is_short(&address) {
            out.flag(
                &grant.address.span,
                format!("which host `{}` is depends on where it is looked up", grant.address.value),
            );
        }
    }
}

fn is_short(address: &Address<'_>) -> bool {
    let name = address.name();
    address.block.is_none()
        && !name.is_empty()
        && !name.contains(['.', '*', ':'])
        && !address.is_loopback()
        && !address.covers_metadata()
}
