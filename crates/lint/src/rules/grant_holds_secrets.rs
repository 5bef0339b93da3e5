//! The directory holds secrets.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::host;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-holds-secrets",
    group: Group::Files,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Host,
    summary: "the directory holds secrets",
    why: "On this host there are keys, tokens or settings with passwords right in it.",
    impact: "the guest reads the secrets and acts in their owner's name",
    fix: "Move the secrets elsewhere, or grant the one directory below it that the guest needs.",
    references: &["CWE-522", "CWE-552"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: \"./fixture/secrets\", guest: /data, access: read-only }\n",
    flags: "\"./fixture/secrets\"",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: \"./fixture/data\", guest: /data, access: read-only }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (mount, path) in host::mounts(policy, out.options()) {
        let secret = |name: &str| {
            NAMES.contains(&name) || name.starts_with(".env.") || ENDS.iter().any(|end| name.ends_with(end))
        };
        if let Some(name) = host::first_name(&path, secret) {
            out.flag(mount.at(), format!("`{}` holds `{name}`", mount.path()));
        }
    }
}

/// Names of directories and files that hold keys, tokens and passwords.
const NAMES: &[&str] = &[
    ".env",
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
    ".vault-token",
    ".terraformrc",
    "id_rsa",
    "id_ed25519",
    "id_ecdsa",
    "credentials.json",
    "service-account.json",
    "terraform.tfstate",
    "secrets.yaml",
    "secrets.yml",
];
const ENDS: &[&str] = &[".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx"];
