//! The working directory is granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-dot",
    group: Group::Files,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the working directory is granted",
    why: "What the working directory holds depends on who starts the tool: often a checkout, with `.git` and `.env` in it.",
    impact: "the guest gets whatever lies where the tool is started, often a checkout with its secrets",
    fix: "Name the directory that the guest needs, for example `./data`.",
    references: &["CWE-552"],
    bad: "version: 1\ngrants:\n  filesystem: [{ host: \".\", guest: /data, access: read-only }]\n",
    flags: "\".\"",
    good: "version: 1\ngrants:\n  filesystem: [{ host: \"./data\", guest: /data, access: read-only }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for mount in Mount::all(policy) {
        if (!mount.host.absolute && mount.host.parts.is_empty())
            || matches!(mount.path().trim_end_matches('/'), "$PWD" | "${PWD}" | "$(pwd)" | "`pwd`")
        {
            out.flag(mount.at(), format!("`{}` is the whole directory that the policy is used in", mount.path()));
        }
    }
}
