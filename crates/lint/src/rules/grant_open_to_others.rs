//! Every user of this host may write to the directory.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::host;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-open-to-others",
    group: Group::Files,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Host,
    summary: "every user of this host may write to the directory",
    why: "Other users plant files and links there, which the guest reads or writes through.",
    impact: "other users of the host feed the guest, or lead its writes elsewhere",
    fix: "Take the right to write from others (`chmod o-w`), or grant a directory that only the executor writes to.",
    references: &["CWE-732", "CWE-377"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: \"./fixture/open\", guest: /data, access: read-only }\n",
    flags: "\"./fixture/open\"",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: \"./fixture/data\", guest: /data, access: read-only }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (mount, path) in host::mounts(policy, out.options()) {
        // Below the usual directories for temporary files another rule says so without asking the host.
        let temporary = mount.host.is_within_any(&["/tmp", "/var/tmp", "/private/tmp", "/dev/shm"]);
        if !temporary && path.metadata().is_ok_and(|metadata| metadata.is_dir() && host::is_open_to_others(&metadata)) {
            out.flag(mount.at(), format!("every user of this host may write to `{}`", mount.path()));
        }
    }
}
