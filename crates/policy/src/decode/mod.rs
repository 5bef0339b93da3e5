//! A tree of nodes to a typed policy, with all structural faults at once.

mod grants;

use gauntlet_record::LimitKey;

use crate::document::{Node, Span, Spanned, Value};
use crate::key::PublicKey;
use crate::keys::{self, Key, Takes};
use crate::model::{Audit, FEATURES, LIMITS, Limit, Limits, PerTenant, Policy, User, Waiver};
use crate::reader::Reader;

impl Reader {
    /// A policy, or the part of one that an attack lays over it. With `whole`, the version is asked for.
    ///
    /// What `extends` names is not looked at here: a policy that has it is merged with its bases before, and a part of one has no bases.
    pub fn policy(&mut self, node: &Node, whole: bool) -> Policy {
        let mut policy = Policy::default();
        let entries = self.keyed("policy", node, keys::POLICY);
        if whole && node.get("version").is_none() && matches!(node.value, Value::Mapping(_)) {
            let fix = "Add `version: 1` as its first line.";
            self.fault("version-missing", "the policy has no `version`", fix, first(node));
        }
        for entry in entries {
            let (key, value) = (&entry.key, &entry.value);
            policy.sections.push((key.value.clone(), key.span));
            match key.value.as_str() {
                "version" => self.version(value),
                "limits" => policy.limits = self.limits(value),
                "grants" => self.grants(value, &mut policy),
                "features" => self.features(value, &mut policy),
                "modules" => self.modules(value, &mut policy),
                "on-denial" => policy.on_denial = self.choice("on-denial", value).unwrap_or_default(),
                "isolation" => self.isolation(value, &mut policy),
                "errors" => {
                    for entry in self.keyed("errors", value, keys::ERRORS) {
                        policy.errors = self.choice("errors.detail", &entry.value).unwrap_or_default();
                    }
                }
                "audit" => {
                    for entry in self.keyed("audit", value, keys::AUDIT) {
                        policy.audit = Audit { log: self.path("audit.log", &entry.value) };
                    }
                }
                "waivers" => policy.waivers = self.waivers(value),
                "deterministic" => policy.deterministic = self.boolean("deterministic", value).unwrap_or_default(),
                "per-tenant" => policy.per_tenant = self.per_tenant(value),
                _ if whole => drop(self.path("extends", value)),
                _ => self.fault("extends-outside", "a part of a policy extends nothing", "Remove it.", key.span),
            }
        }
        policy
    }

    fn version(&mut self, node: &Node) {
        if let Some(text) = self.text("version", node)
            && text.value != "1"
        {
            let message = format!("version `{}` is not known", crate::reader::short(&text.value));
            self.fault("version-unknown", message, "Write `version: 1`.", text.span);
        }
    }

    fn limits(&mut self, node: &Node) -> Limits {
        let mut limits = Limits::default();
        for entry in self.keyed("limits", node, LIMITS) {
            if let Some(Key { takes: Takes::Limit(key), .. }) = keys::find(LIMITS, &entry.key.value)
                && let Some(limit) = self.limit(*key, &entry.value)
            {
                limits.set(*key, limit);
            }
        }
        limits
    }

    fn limit(&mut self, key: LimitKey, node: &Node) -> Option<Limit<u64>> {
        let what = Dotted("limits", key.as_str());
        if let Value::Scalar { text, .. } = &node.value {
            if text == "unlimited" {
                return Some(Limit::Unlimited(node.span));
            }
            if let Some(percent) = text.strip_suffix('%') {
                let share = percent
                    .parse::<u8>()
                    .ok()
                    .filter(|share| (1..=100).contains(share) && !percent.starts_with(['0', '+']));
                if takes_shares(key)
                    && let Some(share) = share
                {
                    return Some(Limit::Share(share, node.span));
                }
                let fix = "A share is `1%` to `100%`, and only sizes take one.";
                let message = format!("`{what}`: `{}` is not a share", crate::reader::short(text));
                self.fault("not-a-quantity", message, fix, node.span);
                return None;
            }
        }
        self.quantity(&what.to_string(), node, key.unit()).map(|number| Limit::At(number.value, number.span))
    }

    fn features(&mut self, node: &Node, policy: &mut Policy) {
        for entry in self.keyed("features", node, FEATURES) {
            if let Some(Key { takes: Takes::Feature(feature), name, .. }) = keys::find(FEATURES, &entry.key.value)
                && let Some(allowed) = self.boolean(&Dotted("features", name).to_string(), &entry.value)
            {
                policy.features.set(*feature, allowed.value, allowed.span);
            }
        }
    }

    fn modules(&mut self, node: &Node, policy: &mut Policy) {
        let modules = &mut policy.modules;
        for entry in self.keyed("modules", node, keys::MODULES) {
            let value = &entry.value;
            match entry.key.value.as_str() {
                "sha256" => {
                    modules.sha256 = self.texts("modules.sha256", value);
                    for digest in modules.sha256.iter().filter(|digest| !is_digest(&digest.value)) {
                        let fix = "Write 64 lower-case hex digits, as `sha256sum` prints them.";
                        self.fault("not-a-digest", "not a SHA-256 digest", fix, digest.span);
                    }
                }
                "signed-by" => {
                    modules.signed_by = self.texts("modules.signed-by", value);
                    for key in modules.signed_by.iter().filter(|key| PublicKey::parse(&key.value).is_none()) {
                        let fix = "Write an Ed25519 key as hex, base64, PEM or a line of OpenSSH.";
                        self.fault("not-a-public-key", "not a public key of Ed25519", fix, key.span);
                    }
                }
                "deny-list" => modules.deny_list = self.path("modules.deny-list", value),
                "precompiled" => modules.precompiled = self.second("modules.precompiled", value, keys::ACCEPT),
                "compressed" => modules.compressed = self.second("modules.compressed", value, keys::ACCEPT),
                "imports" => modules.unknown_imports = self.second("modules.imports", value, keys::IMPORTS),
                _ => modules.deny = self.texts("modules.deny", value),
            }
        }
    }

    /// Whether the second of two words stands there; the first is what holds without it.
    fn second(&mut self, what: &str, node: &Node, words: &[&str]) -> Spanned<bool> {
        let index = self.index(what, node, words).unwrap_or_default();
        Spanned { value: index.value == 1, span: index.span }
    }

    fn isolation(&mut self, node: &Node, policy: &mut Policy) {
        let isolation = &mut policy.isolation;
        for entry in self.keyed("isolation", node, keys::ISOLATION) {
            let what = Dotted("isolation", &entry.key.value).to_string();
            let mechanism = match entry.key.value.as_str() {
                "process" => &mut isolation.process,
                "seccomp" => &mut isolation.seccomp,
                "landlock" => &mut isolation.landlock,
                "namespaces" => &mut isolation.namespaces,
                "cgroup" => &mut isolation.cgroup,
                _ => {
                    isolation.user = self.choice::<User>(&what, &entry.value).unwrap_or_default();
                    continue;
                }
            };
            if let Some(requirement) = self.choice(&what, &entry.value) {
                *mechanism = requirement;
            }
        }
    }

    fn waivers(&mut self, node: &Node) -> Vec<Waiver> {
        let mut waivers = Vec::new();
        for item in self.items("waivers", node) {
            let (mut rule, mut reason, mut owner, mut expires) = (None, None, None, None);
            let faults = self.faults.len();
            for entry in self.keyed("waivers", item, keys::WAIVER) {
                let text = self.text(&entry.key.value, &entry.value);
                match entry.key.value.as_str() {
                    "rule" => rule = text,
                    "reason" => reason = text,
                    "owner" => owner = text,
                    _ => expires = text,
                }
            }
            match rule {
                Some(rule) => waivers.push(Waiver { rule, reason, owner, expires, span: item.span }),
                None => self.missing(faults, "a waiver without `rule`", "Name the rule it accepts.", item.span),
            }
        }
        waivers
    }

    /// Notes that a key is missing from an entry, unless what was noted since about the entry says so already.
    fn missing(&mut self, since: usize, message: &str, fix: &str, span: Span) {
        let said = self.faults[since..].iter().any(|fault| match fault.rule {
            "wrong-type" | "null-value" => fault.span == span,
            "unknown-key" => fault.fix.starts_with("Did you mean"),
            _ => false,
        });
        if !said {
            self.fault("missing-key", message, fix, span);
        }
    }

    fn per_tenant(&mut self, node: &Node) -> PerTenant {
        let mut named = Vec::new();
        for entry in self.keyed("per-tenant", node, keys::PER_TENANT) {
            if let Some(Key { takes: Takes::Amount(unit), name, .. }) = keys::find(keys::PER_TENANT, &entry.key.value)
                && let Some(number) = self.quantity(&Dotted("per-tenant", name).to_string(), &entry.value, *unit)
            {
                named.push((entry.key.clone(), number.value));
            }
        }
        PerTenant { named }
    }
}

/// Whether a limit may be a share of the host's memory.
pub(crate) fn takes_shares(key: LimitKey) -> bool {
    key.unit() == gauntlet_record::Unit::Bytes
}

/// A key in its section, written only when somebody reads it.
struct Dotted<'a>(&'a str, &'a str);

impl std::fmt::Display for Dotted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn first(node: &Node) -> Span {
    match &node.value {
        Value::Mapping(entries) => entries.first().map_or(node.span, |entry| entry.key.span),
        Value::Scalar { .. } | Value::Sequence(_) => node.span,
    }
}

#[cfg(test)]
mod tests;
