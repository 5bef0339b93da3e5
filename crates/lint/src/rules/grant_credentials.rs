//! Credentials are granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-credentials",
    group: Group::Files,
    severity: Severity::Critical,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "credentials are granted",
    why: "These directories and files hold keys and tokens; a guest that reads them speaks for their owner.",
    impact: "the guest acts in the name of the owner of the keys",
    fix: "Remove the grant; hand the guest only what it needs, by a directory of its own.",
    references: &["CWE-522", "CWE-552"],
    bad: "version: 1\ngrants:\n  filesystem: [{ host: \"/home/alex/.ssh\", guest: /data, access: read-only }]\n",
    flags: "\"/home/alex/.ssh\"",
    good: "version: 1\ngrants:\n  filesystem: [{ host: \"/home/alex/project/docs\", guest: /data, access: read-only }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for mount in Mount::all(policy) {
        if is_credential(&mount) {
            out.flag(mount.at(), format!("`{}` holds credentials", mount.path()));
        }
    }
}

/// Names of directories and files that hold keys and tokens.
const NAMES: &[&str] = &[
    ".ssh",
    ".aws",
    ".azure",
    ".gnupg",
    ".kube",
    ".docker",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".git-credentials",
    ".env",
    ".password-store",
    "gcloud",
    "shadow",
    "id_rsa",
    "id_ed25519",
    "credentials",
    "credentials.toml",
];

fn is_credential(mount: &Mount<'_>) -> bool {
    let file = mount
        .host
        .parts
        .last()
        .is_some_and(|last| [".pem", ".key", ".p12", ".pfx", ".keystore"].iter().any(|end| last.ends_with(end)));
    file || mount.host.names_any(NAMES) || mount.host.is_within_any(&["/run/secrets", "/var/run/secrets"])
}
