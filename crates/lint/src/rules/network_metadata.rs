//! A metadata service is granted.

use gauntlet_policy::{Policy, Scope};
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-metadata",
    group: Group::Network,
    severity: Severity::Critical,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a metadata service is granted",
    why: "Metadata services of clouds hand credentials of the machine to whoever asks.",
    impact: "the guest gets the credentials of the machine in its cloud",
    fix: "Remove the grant.",
    references: &["CWE-918"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"169.254.169.254:80\" }]\n",
    flags: "\"169.254.169.254:80\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"203.0.113.7:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::all(policy) {
        if grant.scope != Scope::Listen && !address.is_any() && address.covers_metadata() {
            out.flag(&grant.address.span, format!("`{}` is a metadata service", grant.address.value));
        }
    }
}
