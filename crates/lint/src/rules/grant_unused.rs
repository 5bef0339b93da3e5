//! A grant that the module has no import for.

use gauntlet_inspect::Capability;
use gauntlet_policy::{Access, Policy, Scope, Stdin};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "grant-unused",
    group: Group::Modules,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Module,
    summary: "a grant that the module cannot use",
    why: "What the module cannot use today, its next version may: the grant is there already, and nobody reviews it again.",
    impact: "a later or replaced module finds a door open",
    fix: "Remove the grant, or write the policy again with `gauntlet infer`.",
    references: &["CWE-250", "NIST SP 800-53 AC-6"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com:443\", reason: \"prices\" }]\n",
    flags: "\"api.example.com:443\"",
    good: "version: 1\ngrants:\n  filesystem: [{ host: /srv/in, guest: /in, access: read-only, reason: \"input\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let Some(module) = out.options().module.clone() else { return };
    let grants = &policy.grants;
    if !module.can(Capability::Files) {
        for grant in &grants.filesystem {
            let at = if grant.access.value == Access::Scratch { &grant.guest.span } else { &grant.host.span };
            out.flag(at, format!("the module opens no files, and `{}` is granted", grant.guest.value));
        }
    }
    for grant in &grants.network {
        let usable = match grant.scope {
            Scope::Connect => module.can(Capability::Connect) || module.can(Capability::Datagrams),
            Scope::Listen => module.can(Capability::Connect) || module.can(Capability::Sockets),
            Scope::Resolve => module.can(Capability::Lookup),
        };
        if !usable {
            let (scope, address) = (grant.scope.as_str(), &grant.address.value);
            out.flag(&grant.address.span, format!("the module has no import to {scope}, and `{address}` is granted"));
        }
    }
    if !module.can(Capability::Environment) {
        for variable in &grants.environment {
            let name = &variable.name.value;
            out.flag(&variable.name.span, format!("the module reads no environment, and `{name}` is granted"));
        }
    }
    if !module.can(Capability::Arguments)
        && let Some(first) = grants.arguments.first()
    {
        out.flag(&first.span, "the module reads no arguments, and some are granted");
    }
    if grants.stdin.value == Stdin::Inherit && !module.can(Capability::Input) {
        out.flag(&grants.stdin.span, "the module does not read standard input, and it is granted");
    }
}
