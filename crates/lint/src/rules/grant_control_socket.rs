//! A control socket of the host is granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-control-socket",
    group: Group::Files,
    severity: Severity::Critical,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a control socket of the host is granted",
    why: "Whoever reaches the socket of a container engine, of an agent or of the system bus controls the host.",
    impact: "the guest controls the host through one of its services",
    fix: "Remove the grant.",
    references: &["CWE-250", "NIST SP 800-190 3.5.5"],
    bad: "version: 1\ngrants:\n  filesystem: [{ host: \"/var/run/docker.sock\", guest: /data, access: read-only }]\n",
    flags: "\"/var/run/docker.sock\"",
    good: "version: 1\ngrants:\n  filesystem: [{ host: \"/srv/run\", guest: /data, access: read-only }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for mount in Mount::all(policy) {
        if !is_secrets(&mount) && (mount.host.is_within_any(FOLDERS) || is_socket(&mount)) {
            out.flag(mount.at(), format!("`{}` holds control sockets", mount.path()));
        }
    }
}

/// Where services of the host leave their sockets.
const FOLDERS: &[&str] =
    &["/run", "/var/run", "/private/var/run", "/var/lib/docker", "/var/lib/containerd", "/tmp/.X11-unix"];

fn is_socket(mount: &Mount<'_>) -> bool {
    mount
        .host
        .parts
        .last()
        .is_some_and(|last| last.ends_with(".sock") || last.ends_with(".socket") || last.starts_with("S.gpg-agent"))
}

/// These are credentials, which another rule finds.
fn is_secrets(mount: &Mount<'_>) -> bool {
    mount.host.is_within_any(&["/run/secrets", "/var/run/secrets"])
}
