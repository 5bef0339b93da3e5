//! The directory holds a socket.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::host;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-holds-socket",
    group: Group::Files,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Host,
    summary: "the directory holds a socket",
    why: "Behind a socket a service of this host listens: a guest of an executor that lets sockets through talks to it.",
    impact: "the guest controls a service of the host",
    fix: "Grant a directory without sockets.",
    references: &["CWE-668"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: \"./fixture/socket\", guest: /data, access: read-only }\n",
    flags: "\"./fixture/socket\"",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: \"./fixture/data\", guest: /data, access: read-only }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (mount, path) in host::mounts(policy, out.options()) {
        let socket = |name: &str| path.join(name).symlink_metadata().is_ok_and(|metadata| host::is_socket(&metadata));
        if let Some(name) = host::first_name(&path, socket) {
            out.flag(mount.at(), format!("`{}` holds the socket `{name}`", mount.path()));
        }
    }
}
