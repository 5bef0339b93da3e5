//! A host that takes data from anybody.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::addresses;
use crate::rule::{Findings, Group, Input, Rule};

pub(crate) const RULE: Rule = Rule {
    id: "network-exfiltration-host",
    group: Group::Network,
    severity: Severity::Medium,
    category: Category::Security,
    confidence: Confidence::Medium,
    input: Input::Policy,
    summary: "a host that takes data from anybody",
    why: "Everybody can open an account or a bin there, and read what a guest sends to it: the grant bounds the address and not the recipient.",
    impact: "the guest sends what it reads to an account of the attacker",
    fix: "Name a host of your own that hands on what is meant to go there.",
    references: &["CWE-200", "CWE-923"],
    bad: "version: 1\ngrants:\n  network: [{ connect: \"hooks.slack.com:443\" }]\n",
    flags: "\"hooks.slack.com:443\"",
    good: "version: 1\ngrants:\n  network: [{ connect: \"api.example.com:443\" }]\n",
    check,
};

fn check(policy: &Policy, out: &mut Findings<'_>) {
    for (grant, address) in addresses::connects(policy) {
        if address.is_below(HOSTS) {
            out.flag(&grant.address.span, format!("anybody can receive what is sent to `{}`", grant.address.value));
        }
    }
}

/// Services that hand on what anybody sends, to whoever asked them to: bins, tunnels, pastes, chats, file drops.
const HOSTS: &[&str] = &[
    "0x0.st",
    "anonfiles.com",
    "api.telegram.org",
    "beeceptor.com",
    "burpcollaborator.net",
    "discord.com",
    "dropbox.com",
    "file.io",
    "gofile.io",
    "hastebin.com",
    "hooks.slack.com",
    "hookbin.com",
    "interact.sh",
    "localtunnel.me",
    "loca.lt",
    "mega.nz",
    "ngrok.app",
    "ngrok.io",
    "ngrok-free.app",
    "oast.fun",
    "oastify.com",
    "pastebin.com",
    "pipedream.net",
    "requestbin.com",
    "requestcatcher.com",
    "rentry.co",
    "serveo.net",
    "transfer.sh",
    "trycloudflare.com",
    "webhook.site",
    "wetransfer.com",
];
