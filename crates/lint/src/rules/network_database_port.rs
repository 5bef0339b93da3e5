//! A database is granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-database-port",
    group: Group::Network,
    severity: Severity::Low,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "a database is granted",
    why: "A database server answers every statement of the account that the guest has: the grant is as wide as that account.",
    impact: "the guest reads and changes all that its account in the database may",
    fix: "Let a service of your own answer the few questions that the guest has, or give it an account for those alone.",
    references: &["CWE-923"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"db.example.com:5432\" }]\n",
    flags: "\"db.example.com:5432\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::connects(policy) {
        if address.port_number().is_some_and(|port| PORTS.contains(&port)) {
            out.flag(&grant.address.span, format!("`{}` is a database, by its port", grant.address.value));
        }
    }
}

/// Ports of database servers and search engines.
const PORTS: &[u16] = &[1433, 1521, 3306, 5432, 5984, 7474, 8086, 9042, 9200, 9300, 26257, 27017, 27018, 28015];
