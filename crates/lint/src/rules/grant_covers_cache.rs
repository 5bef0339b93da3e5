//! The guest writes a cache of code.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::Mount;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-covers-cache",
    group: Group::Files,
    severity: Severity::Critical,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "the guest writes a cache of code",
    why: "Caches hold code that was checked once and is run without a check: compiled modules, compiler output, packages.",
    impact: "what the guest writes there runs outside of the sandbox",
    fix: "Grant a directory of its own; caches belong to whoever fills them.",
    references: &["CWE-494", "CWE-345"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: \"/home/alex/.cache\", guest: /data, access: read-write }\n",
    flags: "\"/home/alex/.cache\"",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: \"/srv/app/out\", guest: /data, access: read-write }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for mount in Mount::all(policy) {
        if mount.is_writable() && (mount.host.names_any(NAMES) || mount.host.is_within_any(FOLDERS)) {
            out.flag(mount.at(), format!("`{}` is a cache, and the guest may write to it", mount.path()));
        }
    }
}

/// Names that caches go by.
const NAMES: &[&str] = &[".cache", "Caches", ".ccache", ".gradle", ".m2", ".npm", "__pycache__", ".turbo"];
/// Where the system keeps its own.
const FOLDERS: &[&str] = &["/var/cache"];
