//! A path depends on the environment.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-variable",
    group: Group::Files,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "a path depends on the environment",
    why: "Whoever sets the variable chooses what is granted, and the policy under review does not say what that is.",
    impact: "whoever sets the variable chooses what the guest gets",
    fix: "Write the path out.",
    references: &["CWE-454"],
    bad: "version: 1\ngrants:\n  filesystem: [{ host: \"$DATA_DIR/input\", guest: /data, access: read-only }]\n",
    flags: "\"$DATA_DIR/input\"",
    good: "version: 1\ngrants:\n  filesystem: [{ host: \"/srv/data/input\", guest: /data, access: read-only }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for mount in Mount::all(policy) {
        if mount.path().contains('$') || mount.path().starts_with('~') || (mount.path().matches('%').count() > 1) {
            out.flag(mount.at(), format!("`{}` depends on the environment", mount.path()));
        }
    }
}
