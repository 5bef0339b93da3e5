//! The policy says what its host is known not to hold.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-not-enforceable",
    group: Group::Engine,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the host does not hold what the policy says",
    why: "A host that passes over a field leaves open what a reviewer takes for closed. Which host lets which field go is a list with the release that was read; a later one may hold it.",
    impact: "the guest does what the policy seems to deny",
    fix: "Do not rely on the field: close it by other means, or run the guest on a host that holds it.",
    references: &["CWE-693"],
    bad: "version: \"1.0\"\npermissions:\n  storage:\n    allow: [{ uri: \"fs://work\", access: [read] }]\n    deny: [{ uri: \"fs://work/keys\", access: [read] }]\n",
    flags: "deny",
    good: "version: \"1.0\"\npermissions:\n  storage:\n    allow: [{ uri: \"fs://work\", access: [read] }]\n",
    check,
};

fn check(_: &Policy, out: &mut Findings<'_>) {
    out.flag_remarks();
}
