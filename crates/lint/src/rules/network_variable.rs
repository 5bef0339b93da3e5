//! A variable names the host.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-variable",
    group: Group::Network,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a variable names the host",
    why: "Whoever sets the variable chooses where the guest may connect, and the file under review does not say where that is.",
    impact: "whoever sets the variable chooses where the guest sends what it reads",
    fix: "Write the address out, or at least the domain behind it.",
    references: &["CWE-454"],
    bad: "spin_manifest_version = 2\n[variables]\nupstream = { required = true }\n[component.a]\nallowed_outbound_hosts = [\"https://{{ upstream }}\"]\n",
    flags: "\"https://{{ upstream }}\"",
    good: "spin_manifest_version = 2\n[component.a]\nallowed_outbound_hosts = [\"https://api.example.com\"]\n",
    check,
};

fn check(_: &Policy, out: &mut Findings<'_>) {
    out.flag_remarks();
}
