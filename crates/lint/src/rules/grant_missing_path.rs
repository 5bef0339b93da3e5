//! The directory does not exist on this host.

use std::io::ErrorKind;

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::host;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-missing-path",
    group: Group::Files,
    severity: Severity::Low,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Host,
    summary: "the directory does not exist on this host",
    why: "Whoever makes it first decides what is in it; until then the run fails.",
    impact: "another user of the host makes the directory and feeds the guest",
    fix: "Make the directory, for the user of the executor alone, or correct the path.",
    references: &["CWE-367"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: \"./fixture/missing\", guest: /data, access: read-only }\n",
    flags: "\"./fixture/missing\"",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: \"./fixture/data\", guest: /data, access: read-only }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (mount, path) in host::mounts(policy, out.options()) {
        if path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            out.flag(mount.at(), format!("there is no `{}` on this host", mount.path()));
        }
    }
}
