//! A name with letters that look like others.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-idn",
    group: Group::Network,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "a name with letters that look like others",
    why: "Letters of other scripts look like those of the name that is meant: a reviewer reads one name and the guest reaches another.",
    impact: "the guest reaches a domain that only looks like the one that was reviewed",
    fix: "Write the name as it is registered, and say in the reason whose it is.",
    references: &["CWE-1007"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"xn--exmple-cua.com:443\" }]\n",
    flags: "\"xn--exmple-cua.com:443\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::all(policy) {
        if !address.host.is_ascii() || address.name().split('.').any(|label| label.starts_with("xn--")) {
            out.flag(&grant.address.span, format!("`{}` has letters that look like others", grant.address.value));
        }
    }
}
