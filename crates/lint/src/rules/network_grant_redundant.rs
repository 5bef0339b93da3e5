//! One grant covers another.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses::{self, Address};
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-grant-redundant",
    group: Group::Network,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "one grant covers another",
    why: "Whoever removes the narrower one changes nothing, and believes otherwise.",
    impact: "an address stays granted that a reviewer took out",
    fix: "Keep the one that is meant.",
    references: &["CWE-1188"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"*.example.com:443\" }, { connect: \"api.example.com:443\" }]\n",
    flags: "\"api.example.com:443\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com:443\" }, { connect: \"data.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    let all: Vec<_> = addresses::connects(policy).collect();
    for (i, (grant, address)) in all.iter().enumerate() {
        let (name, port) = (address.name(), address.port);
        let covers = |other: &Address<'_>| {
            let wider = other.name();
            let below = wider.strip_prefix("*.").is_some_and(|domain| name.ends_with(&format!(".{domain}")));
            let ports = other.port == port || other.port.is_none_or(|port| port == "*");
            ports && (other.is_any() || below || wider == name) && (wider != name || other.port == port)
        };
        // Of two that are the same, the later one is too much.
        let again = |at: usize, other: &Address<'_>| other.name() != name || other.port != port || at < i;
        if let Some((other, _)) = all
            .iter()
            .enumerate()
            .find(|(at, (_, other))| *at != i && covers(other) && again(*at, other))
            .map(|(_, found)| found)
        {
            out.flag(&grant.address.span, format!("`{}` is covered by `{}`", grant.address.value, other.address.value));
        }
    }
}
