//! The directory belongs to somebody else.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::host;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-foreign-owner",
    group: Group::Files,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Host,
    summary: "the directory belongs to somebody else",
    why: "Its owner can change what is in it, and whether the guest may read it, at any time.",
    impact: "another user of the host feeds the guest",
    fix: "Grant a directory of the user of the executor, or of root.",
    references: &["CWE-282"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: \"./fixture/foreign\", guest: /data, access: read-only }\n",
    flags: "\"./fixture/foreign\"",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: \"./fixture/data\", guest: /data, access: read-only }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (mount, path) in host::mounts(policy, out.options()) {
        let owner = path.metadata().ok().as_ref().and_then(host::owner);
        if let (Some(owner), Some(own)) = (owner, host::own_user())
            && owner != 0
            && owner != own
        {
            out.flag(
                mount.at(),
                format!("`{}` belongs to the user {owner}, who is neither you nor root", mount.path()),
            );
        }
    }
}
