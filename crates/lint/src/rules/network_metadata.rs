//! A metadata service is granted.

use gauntlet_policy::{Policy, Scope};
use gauntlet_record::Severity;

use crate::addresses;
use crate::rule::{Findings, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-metadata",
    severity: Severity::Critical,
    summary: "a metadata service is granted",
    why: "Metadata services of clouds hand credentials of the machine to whoever asks.",
    fix: "Remove the grant.",
    references: &["CWE-918"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"169.254.169.254:80\" }]\n",
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
