//! The list of what must not run is not on this host.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::host;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "module-deny-list-missing",
    group: Group::Modules,
    severity: Severity::Medium,
    category: Category::Compatibility,
    confidence: Confidence::High,
    input: Input::Host,
    summary: "the list of what must not run is not on this host",
    why: "A list that is not there bans nothing, or nothing runs: whichever it is, it is not what was meant.",
    impact: "a module that was banned runs, or no module does",
    fix: "Put the list where the policy says, or correct the path.",
    references: &["CWE-636"],
    bad: "version: 1\nmodules: { deny-list: ./fixture/missing.txt }\n",
    flags: "./fixture/missing.txt",
    good: "version: 1\nmodules: { deny-list: ./fixture/data/file.txt }\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    if let Some(list) = &policy.modules.deny_list
        && let Some(path) = host::locate(&list.value, out.options())
        && !path.is_file()
    {
        out.flag(&list.span, format!("there is no file `{}` on this host", list.value));
    }
}
