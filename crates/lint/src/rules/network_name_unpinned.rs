//! A name decides who is reached.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-name-unpinned",
    group: Group::Network,
    severity: Severity::Info,
    category: Category::Security,
    confidence: Confidence::Low,
    input: Input::Policy,
    summary: "a name decides who is reached",
    why: "Names are looked up when a run begins, and hold for that run: whoever answers for the name decides who is reached.",
    impact: "whoever controls the name chooses whom the guest talks to",
    fix: "Nothing, if you trust the domain; our executor looks the name up once and refuses addresses that it did not get. Others may look it up at each use.",
    references: &["CWE-350", "CWE-367"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    flags: "\"api.example.com:443\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"203.0.113.7:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::connects(policy) {
        if address.block.is_none() && !address.host.is_empty() && !address.host.contains('*') && !address.is_loopback()
        {
            out.flag(
                &grant.address.span,
                format!("who is behind `{}` is decided when a run begins", grant.address.value),
            );
        }
    }
}
