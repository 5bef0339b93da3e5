//! Something that the module imports, and that nothing is granted for.

use gauntlet_inspect::Capability;
use gauntlet_policy::{Policy, Scope, Stdin};
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "import-not-granted",
    group: Group::Modules,
    severity: Severity::Info,
    category: Category::Compatibility,
    confidence: Confidence::Low,
    input: Input::Module,
    summary: "the module imports what nothing is granted for",
    why: "The module starts, and what it asks for there is denied. That is the closed default, and often right: libraries import more than a program uses.",
    impact: "what the program needs may be missing",
    fix: "Run `gauntlet infer --run` to see whether it is needed, and grant the least of it.",
    references: &["NIST SP 800-53 AC-6"],
    bad: "version: 1\ngrants:\n  filesystem: []\n",
    flags: "filesystem",
    good: "version: 1\ngrants:\n  filesystem: [{ host: /srv/in, guest: /in, access: read-only, reason: \"input\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let Some(module) = out.options().module.clone() else { return };
    let grants = &policy.grants;
    let network = |scopes: &[Scope]| grants.network.iter().any(|grant| scopes.contains(&grant.scope));
    for (capability, granted) in [
        (Capability::Files, !grants.filesystem.is_empty()),
        (Capability::Connect, network(&[Scope::Connect, Scope::Listen])),
        (Capability::Datagrams, network(&[Scope::Connect, Scope::Listen])),
        (Capability::Lookup, network(&[Scope::Resolve])),
        (Capability::Input, grants.stdin.value == Stdin::Inherit),
    ] {
        let Some(imports) = module.capabilities.get(&capability).filter(|_| !granted) else { continue };
        let Some(key) = capability.grant() else { continue };
        let first = imports.first().map_or("", String::as_str);
        let says = capability.says();
        out.flag(&policy.section(key), format!("the module can {says} (`{first}`), and nothing is granted for that"));
    }
}
