//! A home directory is granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-home",
    group: Group::Files,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "a home directory is granted",
    why: "Home directories hold keys, tokens and shell profiles.",
    impact: "the guest reads keys, tokens and shell profiles",
    fix: "Grant a directory that holds nothing else, outside of any home or deep inside one.",
    references: &["CWE-552"],
    bad: "version: 1\ngrants:\n  filesystem: [{ host: \"/home/alex\", guest: /data, access: read-only }]\n",
    flags: "\"/home/alex\"",
    good: "version: 1\ngrants:\n  filesystem: [{ host: \"/home/alex/project/input\", guest: /data, access: read-only }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for mount in Mount::all(policy) {
        if is_home(&mount) {
            out.flag(mount.at(), format!("`{}` is a home directory", mount.path()));
        }
    }
}

fn is_home(mount: &Mount<'_>) -> bool {
    let path = mount.path().trim_end_matches('/');
    let parts: Vec<&str> = mount.host.parts.iter().map(String::as_str).collect();
    let by_name =
        matches!(path, "$HOME" | "${HOME}" | "%USERPROFILE%") || (path.starts_with('~') && !path.contains('/'));
    by_name
        || (mount.host.absolute
            && matches!(parts[..], ["root" | "home" | "Users"] | ["home" | "Users", _] | ["var", "root"]))
}
