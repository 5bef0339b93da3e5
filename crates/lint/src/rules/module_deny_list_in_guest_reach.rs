//! The guest can write the list of what must not run.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::paths::{Clean, Mount};
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "module-deny-list-in-guest-reach",
    group: Group::Modules,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "the guest can write the list of what must not run",
    why: "A guest that writes the list takes itself off it.",
    impact: "a module that was banned runs again",
    fix: "Put the list outside of every writable grant.",
    references: &["CWE-668"],
    bad: "version: 1\ngrants:\n  filesystem:\n    - { host: ./work, guest: /work, access: read-write }\nmodules: { deny-list: ./work/deny.txt }\n",
    flags: "./work/deny.txt",
    good: "version: 1\ngrants:\n  filesystem:\n    - { host: ./work, guest: /work, access: read-write }\nmodules: { deny-list: ./deny.txt }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let Some(list) = &policy.modules.deny_list else { return };
    let path = Clean::of(&list.value);
    if let Some(mount) = Mount::all(policy).iter().find(|mount| mount.is_writable() && path.is_within(&mount.host)) {
        out.flag(&list.span, format!("the list `{}` lies in the writable grant `{}`", list.value, mount.path()));
    }
}
