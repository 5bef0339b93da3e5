//! Every name below a shared domain is granted.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses::{self, Address};
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-wildcard-suffix",
    group: Group::Network,
    severity: Severity::High,
    category: Category::Security,
    confidence: Confidence::High,
    input: Input::Policy,
    summary: "every name below a shared domain is granted",
    why: "Below such a domain anybody gets a name within minutes: the grant is one of the whole network to whoever rents there.",
    impact: "the guest sends what it reads to a name that the attacker rented",
    fix: "Name each host.",
    references: &["CWE-183"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"*.github.io:443\" }]\n",
    flags: "\"*.github.io:443\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"project.github.io:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::all(policy) {
        if is_shared(&address) {
            out.flag(&grant.address.span, format!("anybody can get a name below `{}`", grant.address.value));
        }
    }
}

/// Domains below which anybody gets a name: top-level domains, and those of hosting services.
const SHARED: &[&str] = &[
    "ac.uk",
    "co.jp",
    "co.nz",
    "co.uk",
    "co.za",
    "com.au",
    "com.br",
    "com.cn",
    "com.tr",
    "gov.uk",
    "org.uk",
    "amazonaws.com",
    "appspot.com",
    "azureedge.net",
    "azurewebsites.net",
    "blob.core.windows.net",
    "cloudapp.net",
    "cloudflare.net",
    "cloudfront.net",
    "deno.dev",
    "firebaseapp.com",
    "fly.dev",
    "github.io",
    "githubusercontent.com",
    "gitlab.io",
    "googleapis.com",
    "googleusercontent.com",
    "herokuapp.com",
    "netlify.app",
    "ngrok.app",
    "ngrok.io",
    "ngrok-free.app",
    "onrender.com",
    "pages.dev",
    "r2.dev",
    "repl.co",
    "run.app",
    "s3.amazonaws.com",
    "trycloudflare.com",
    "up.railway.app",
    "vercel.app",
    "web.app",
    "windows.net",
    "workers.dev",
];

fn is_shared(address: &Address<'_>) -> bool {
    let name = address.name();
    let Some(domain) = name.strip_prefix("*.") else { return false };
    // A top-level domain has no dot of its own.
    !domain.contains('*') && (!domain.contains('.') || SHARED.contains(&domain))
}
