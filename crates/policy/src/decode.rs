//! A tree of nodes to a typed policy, with all structural faults at once.

use gauntlet_record::{LimitKey, Unit};

use crate::document::{self, Entry, Fault, Node, Span, Spanned, Value};
use crate::key::PublicKey;
use crate::model::{
    Access, Audit, Detail, Feature, FileGrant, Limit, Limits, NetworkGrant, OnDenial, PerTenant, Policy, Random,
    Requirement, Scope, Stdin, User, Variable, Waiver,
};
use crate::quantity::{Nanos, parse_quantity};

/// Reads nodes into values and collects what is wrong with them. The corpus and the targets read their files with it, too.
#[derive(Debug, Default)]
pub struct Reader {
    /// What is wrong so far.
    pub faults: Vec<Fault>,
}

impl Reader {
    /// Notes a fault.
    pub fn fault(&mut self, rule: &'static str, message: impl Into<String>, fix: impl Into<String>, span: Span) {
        self.faults.push(Fault { rule, message: message.into(), fix: fix.into(), span });
    }

    /// The entries of a mapping, of which only `known` keys are let through; others are faults with a suggestion.
    pub fn entries<'n>(&mut self, what: &str, node: &'n Node, known: &[&str]) -> Vec<&'n Entry> {
        let Value::Mapping(entries) = &node.value else {
            self.wrong(node, &format!("`{what}` has to be a mapping"));
            return Vec::new();
        };
        entries.iter().filter(|entry| self.known(what, &entry.key, known)).collect()
    }

    fn known(&mut self, what: &str, key: &Spanned<String>, known: &[&str]) -> bool {
        if known.contains(&key.value.as_str()) {
            return true;
        }
        let fix = suggest(&key.value, known).map_or_else(
            || format!("`{what}` takes: {}.", known.join(", ")),
            |nearest| format!("Did you mean `{nearest}`?"),
        );
        self.fault("unknown-key", format!("`{}` is not a key of `{what}`", key.value), fix, key.span);
        false
    }

    /// Notes that a node has the wrong shape.
    pub fn wrong(&mut self, node: &Node, message: &str) {
        self.fault("wrong-type", message, "", node.span);
    }

    /// A scalar's text. Null is a fault: it reads as "absent" elsewhere.
    pub fn text(&mut self, what: &str, node: &Node) -> Option<Spanned<String>> {
        match &node.value {
            Value::Scalar { text, plain: true } if is_null(text) => {
                self.fault(
                    "null-value",
                    format!("`{what}` has no value"),
                    "Write a value or remove the key.",
                    node.span,
                );
                None
            }
            Value::Scalar { text, .. } => Some(Spanned { value: text.clone(), span: node.span }),
            Value::Mapping(_) | Value::Sequence(_) => {
                self.wrong(node, &format!("`{what}` has to be text"));
                None
            }
        }
    }

    /// `true` or `false`, in that spelling.
    pub fn boolean(&mut self, what: &str, node: &Node) -> Option<Spanned<bool>> {
        let text = self.text(what, node)?;
        match text.value.as_str() {
            "true" => Some(Spanned { value: true, span: text.span }),
            "false" => Some(Spanned { value: false, span: text.span }),
            other => {
                let message = format!("`{what}` is `{other}`");
                self.fault(
                    "boolean-not-canonical",
                    message,
                    "Write `true` or `false`: readers differ about other spellings.",
                    text.span,
                );
                None
            }
        }
    }

    /// One of a few words.
    pub fn word<T: Copy>(&mut self, what: &str, node: &Node, words: &[(&str, T)]) -> Option<Spanned<T>> {
        let text = self.text(what, node)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.value) {
            return Some(Spanned { value: *value, span: text.span });
        }
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let fix = suggest(&text.value, &names).map_or_else(
            || format!("Write one of: {}.", names.join(", ")),
            |nearest| format!("Did you mean `{nearest}`?"),
        );
        self.fault("unknown-value", format!("`{what}` is `{}`", text.value), fix, text.span);
        None
    }

    /// A quantity in the base unit of `unit`.
    pub fn quantity(&mut self, what: &str, node: &Node, unit: Unit) -> Option<Spanned<u64>> {
        let text = self.text(what, node)?;
        match parse_quantity(&text.value, unit) {
            Ok(value) => Some(Spanned { value, span: text.span }),
            Err(error) => {
                self.fault("not-a-quantity", format!("`{what}`: {error}"), "", text.span);
                None
            }
        }
    }

    /// The items of a sequence.
    pub fn items<'n>(&mut self, what: &str, node: &'n Node) -> &'n [Node] {
        if let Value::Sequence(items) = &node.value {
            return items;
        }
        self.wrong(node, &format!("`{what}` has to be a list"));
        &[]
    }

    /// A list of texts.
    pub fn texts(&mut self, what: &str, node: &Node) -> Vec<Spanned<String>> {
        self.items(what, node).iter().filter_map(|item| self.text(what, item)).collect()
    }

    /// A policy, or the part of one that an attack lays over it. With `whole`, the version is asked for.
    pub fn policy(&mut self, node: &Node, whole: bool) -> Policy {
        const KEYS: &[&str] = &[
            "version",
            "limits",
            "grants",
            "features",
            "modules",
            "on-denial",
            "isolation",
            "errors",
            "audit",
            "waivers",
            "deterministic",
            "per-tenant",
            "extends",
        ];
        let mut policy = Policy::default();
        let entries = self.entries("policy", node, KEYS);
        if whole && node.get("version").is_none() && matches!(node.value, Value::Mapping(_)) {
            self.fault(
                "version-missing",
                "the policy has no `version`",
                "Add `version: 1` as its first line.",
                first(node),
            );
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
                "on-denial" => {
                    let words = [("errno", OnDenial::Errno), ("trap", OnDenial::Trap)];
                    policy.on_denial = self.word("on-denial", value, &words).unwrap_or_default();
                }
                "isolation" => self.isolation(value, &mut policy),
                "errors" => {
                    for entry in self.entries("errors", value, &["detail"]) {
                        let words = [("generic", Detail::Generic), ("full", Detail::Full)];
                        policy.errors = self.word("errors.detail", &entry.value, &words).unwrap_or_default();
                    }
                }
                "audit" => {
                    for entry in self.entries("audit", value, &["log"]) {
                        policy.audit = Audit { log: self.text("audit.log", &entry.value) };
                    }
                }
                "waivers" => policy.waivers = self.waivers(value),
                "deterministic" => policy.deterministic = self.boolean("deterministic", value).unwrap_or_default(),
                "per-tenant" => policy.per_tenant = self.per_tenant(value),
                _ => {
                    let fix = "Copy the preset and change it; `gauntlet list presets` names them.";
                    self.fault("extends-unsupported", "`extends` is not supported yet", fix, key.span);
                }
            }
        }
        policy
    }

    fn version(&mut self, node: &Node) {
        if let Some(text) = self.text("version", node)
            && text.value != "1"
        {
            self.fault(
                "version-unknown",
                format!("version `{}` is not known", text.value),
                "Write `version: 1`.",
                text.span,
            );
        }
    }

    fn limits(&mut self, node: &Node) -> Limits {
        let known: Vec<&str> = LimitKey::ALL.iter().map(|key| key.as_str()).collect();
        let mut limits = Limits::default();
        for entry in self.entries("limits", node, &known) {
            if let Ok(key) = entry.key.value.parse::<LimitKey>()
                && let Some(limit) = self.limit(key, &entry.value)
            {
                limits.set(key, limit);
            }
        }
        limits
    }

    fn limit(&mut self, key: LimitKey, node: &Node) -> Option<Limit<u64>> {
        let what = format!("limits.{key}");
        let text = self.text(&what, node)?;
        if text.value == "unlimited" {
            return Some(Limit::Unlimited(text.span));
        }
        if let Some(percent) = text.value.strip_suffix('%') {
            let share = percent
                .parse::<u8>()
                .ok()
                .filter(|share| (1..=100).contains(share) && !percent.starts_with(['0', '+']));
            if key.unit() == Unit::Bytes
                && let Some(share) = share
            {
                return Some(Limit::Share(share, text.span));
            }
            let fix = "A share is `1%` to `100%`, and only sizes take one.";
            self.fault("not-a-quantity", format!("`{what}`: `{}` is not a share", text.value), fix, text.span);
            return None;
        }
        self.quantity(&what, node, key.unit()).map(|number| Limit::At(number.value, number.span))
    }

    fn grants(&mut self, node: &Node, policy: &mut Policy) {
        const KEYS: &[&str] = &["filesystem", "network", "environment", "arguments", "stdin", "clock", "random"];
        for entry in self.entries("grants", node, KEYS) {
            let value = &entry.value;
            policy.sections.push((format!("grants.{}", entry.key.value), entry.key.span));
            let grants = &mut policy.grants;
            match entry.key.value.as_str() {
                "filesystem" => {
                    grants.filesystem = self
                        .items("grants.filesystem", value)
                        .iter()
                        .filter_map(|item| self.file_grant(item))
                        .collect();
                }
                "network" => {
                    grants.network = self
                        .items("grants.network", value)
                        .iter()
                        .filter_map(|item| self.network_grant(item))
                        .collect();
                }
                "environment" => {
                    if let Value::Mapping(entries) = &value.value {
                        grants.environment = entries
                            .iter()
                            .filter_map(|entry| {
                                let value = self.text("grants.environment", &entry.value)?;
                                Some(Variable { name: entry.key.clone(), value })
                            })
                            .collect();
                    } else {
                        self.wrong(value, "`grants.environment` has to be a mapping of names to values");
                    }
                }
                "arguments" => grants.arguments = self.texts("grants.arguments", value),
                "stdin" => {
                    let words = [("closed", Stdin::Closed), ("inherit", Stdin::Inherit)];
                    grants.stdin = self.word("grants.stdin", value, &words).unwrap_or_default();
                }
                "clock" => {
                    for entry in self.entries("grants.clock", value, &["resolution"]) {
                        grants.clock_resolution = self
                            .quantity("grants.clock.resolution", &entry.value, Unit::Time)
                            .map(|number| Spanned { value: Nanos::new(number.value), span: number.span });
                    }
                }
                _ if matches!(value.value, Value::Mapping(_)) => {
                    for entry in self.entries("grants.random", value, &["seed"]) {
                        grants.random = Spanned { value: Random::Seeded, span: value.span };
                        grants.random_seed = self.quantity("grants.random.seed", &entry.value, Unit::Count);
                    }
                }
                _ => {
                    let words = [("system", Random::System), ("seeded", Random::Seeded)];
                    grants.random = self.word("grants.random", value, &words).unwrap_or_default();
                }
            }
        }
    }

    fn file_grant(&mut self, node: &Node) -> Option<FileGrant> {
        let (mut host, mut guest, mut access, mut reason) = (None, None, None, None);
        for entry in self.entries("grants.filesystem", node, &["host", "guest", "access", "reason"]) {
            match entry.key.value.as_str() {
                "host" => host = self.text("host", &entry.value),
                "guest" => guest = self.text("guest", &entry.value),
                "access" => {
                    let words = [
                        ("read-only", Access::ReadOnly),
                        ("read-write", Access::ReadWrite),
                        ("scratch", Access::Scratch),
                    ];
                    access = self.word("access", &entry.value, &words);
                }
                _ => reason = self.text("reason", &entry.value),
            }
        }
        let Some(access) = access else {
            self.fault("missing-key", "a file grant without a valid `access`", "Add `access: read-only`.", node.span);
            return None;
        };
        if let Some(path) =
            [&host, &guest].into_iter().flatten().find(|path| path.value.is_empty() || path.value.contains('\0'))
        {
            self.fault("not-a-path", "an empty path, or one with a NUL", "Write a path.", path.span);
            return None;
        }
        if access.value == Access::Scratch {
            if let Some(host) = &host {
                self.fault(
                    "unknown-key",
                    "a scratch grant has no `host`",
                    "Remove it: scratch is made for the run.",
                    host.span,
                );
            }
            let Some(guest) = guest else {
                self.fault("missing-key", "a scratch grant without `guest`", "Add `guest: /tmp`.", node.span);
                return None;
            };
            return Some(FileGrant {
                host: Spanned::default(),
                guest,
                guest_named: true,
                access,
                reason,
                span: node.span,
            });
        }
        let Some(host) = host else {
            self.fault("missing-key", "a file grant without `host`", "Add the host's directory.", node.span);
            return None;
        };
        let guest_named = guest.is_some();
        let guest = guest.unwrap_or_else(|| host.clone());
        Some(FileGrant { host, guest, guest_named, access, reason, span: node.span })
    }

    fn network_grant(&mut self, node: &Node) -> Option<NetworkGrant> {
        let (mut grant, mut reason) = (None, None);
        for entry in self.entries("grants.network", node, &["connect", "listen", "resolve", "reason"]) {
            let scope = match entry.key.value.as_str() {
                "connect" => Scope::Connect,
                "listen" => Scope::Listen,
                "resolve" => Scope::Resolve,
                _ => {
                    reason = self.text("reason", &entry.value);
                    continue;
                }
            };
            if grant.is_some() {
                self.fault("duplicate-key", "one entry grants two things", "Write one entry for each.", entry.key.span);
            }
            grant = self.text("address", &entry.value).map(|address| (scope, address));
        }
        let Some((scope, address)) = grant else {
            self.fault(
                "missing-key",
                "a network grant without `connect`, `listen` or `resolve`",
                "Name what is granted.",
                node.span,
            );
            return None;
        };
        Some(NetworkGrant { scope, address, reason, span: node.span })
    }

    fn features(&mut self, node: &Node, policy: &mut Policy) {
        let known: Vec<&str> = Feature::ALL.iter().map(|feature| feature.as_str()).collect();
        for entry in self.entries("features", node, &known) {
            let what = format!("features.{}", entry.key.value);
            if let Some(feature) = Feature::ALL.iter().find(|feature| feature.as_str() == entry.key.value)
                && let Some(allowed) = self.boolean(&what, &entry.value)
            {
                policy.features.set(*feature, allowed.value, allowed.span);
            }
        }
    }

    fn modules(&mut self, node: &Node, policy: &mut Policy) {
        let modules = &mut policy.modules;
        let accept = [("refuse", false), ("accept", true)];
        for entry in self.entries(
            "modules",
            node,
            &["sha256", "signed-by", "precompiled", "compressed", "imports", "deny", "deny-list"],
        ) {
            let value = &entry.value;
            match entry.key.value.as_str() {
                "sha256" => {
                    modules.sha256 = self.texts("modules.sha256", value);
                    for digest in modules.sha256.clone() {
                        if digest.value.len() != 64
                            || !digest.value.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
                        {
                            let fix = "Write 64 lower-case hex digits, as `sha256sum` prints them.";
                            self.fault("not-a-digest", "not a SHA-256 digest", fix, digest.span);
                        }
                    }
                }
                "signed-by" => {
                    modules.signed_by = self.texts("modules.signed-by", value);
                    for key in modules.signed_by.iter().filter(|key| PublicKey::parse(&key.value).is_none()) {
                        let fix = "Write an Ed25519 key as hex, base64, PEM or a line of OpenSSH.";
                        self.fault("not-a-key", "not a public key of Ed25519", fix, key.span);
                    }
                }
                "deny-list" => {
                    modules.deny_list = self.text("modules.deny-list", value);
                    if let Some(path) =
                        modules.deny_list.as_ref().filter(|path| path.value.is_empty() || path.value.contains('\0'))
                    {
                        self.fault("not-a-path", "an empty path, or one with a NUL", "Write a path.", path.span);
                    }
                }
                "precompiled" => {
                    modules.precompiled = self.word("modules.precompiled", value, &accept).unwrap_or_default()
                }
                "compressed" => {
                    modules.compressed = self.word("modules.compressed", value, &accept).unwrap_or_default()
                }
                "imports" => {
                    let words = [("wasi-granted", false), ("stub-unknown", true)];
                    modules.unknown_imports = self.word("modules.imports", value, &words).unwrap_or_default();
                }
                _ => modules.deny = self.texts("modules.deny", value),
            }
        }
    }

    fn isolation(&mut self, node: &Node, policy: &mut Policy) {
        let words = [
            ("required", Requirement::Required),
            ("if-available", Requirement::IfAvailable),
            ("off", Requirement::Off),
        ];
        let isolation = &mut policy.isolation;
        for entry in
            self.entries("isolation", node, &["process", "seccomp", "landlock", "namespaces", "cgroup", "user"])
        {
            let what = format!("isolation.{}", entry.key.value);
            let mechanism = match entry.key.value.as_str() {
                "process" => &mut isolation.process,
                "seccomp" => &mut isolation.seccomp,
                "landlock" => &mut isolation.landlock,
                "namespaces" => &mut isolation.namespaces,
                "cgroup" => &mut isolation.cgroup,
                _ => {
                    let users = [("unprivileged", User::Unprivileged), ("caller", User::Caller)];
                    isolation.user = self.word(&what, &entry.value, &users).unwrap_or_default();
                    continue;
                }
            };
            if let Some(requirement) = self.word(&what, &entry.value, &words) {
                *mechanism = requirement;
            }
        }
    }

    fn waivers(&mut self, node: &Node) -> Vec<Waiver> {
        let mut waivers = Vec::new();
        for item in self.items("waivers", node) {
            let (mut rule, mut reason, mut owner, mut expires) = (None, None, None, None);
            for entry in self.entries("waivers", item, &["rule", "reason", "owner", "expires"]) {
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
                None => self.fault("missing-key", "a waiver without `rule`", "Name the rule it accepts.", item.span),
            }
        }
        waivers
    }

    fn per_tenant(&mut self, node: &Node) -> PerTenant {
        const UNITS: &[(&str, Unit)] = &[
            ("runs", Unit::Count),
            ("concurrent", Unit::Count),
            ("cpu-time", Unit::Time),
            ("memory", Unit::Bytes),
            ("disk", Unit::Bytes),
            ("network-bytes", Unit::Bytes),
            ("window", Unit::Time),
        ];
        let known: Vec<&str> = UNITS.iter().map(|(key, _)| *key).collect();
        let mut named = Vec::new();
        for entry in self.entries("per-tenant", node, &known) {
            if let Some((_, unit)) = UNITS.iter().find(|(key, _)| *key == entry.key.value)
                && let Some(number) = self.quantity(&format!("per-tenant.{}", entry.key.value), &entry.value, *unit)
            {
                named.push((entry.key.clone(), number.value));
            }
        }
        PerTenant { named }
    }
}

impl Policy {
    /// Reads a policy. `name` is how messages call the file.
    ///
    /// # Errors
    ///
    /// All structural faults of the text, in its order: not YAML, unknown and duplicate keys, wrong types, quantities without unit.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Fault>> {
        let node = document::parse(text)?;
        let mut reader = Reader::default();
        let policy = reader.policy(&node, true);
        if reader.faults.is_empty() {
            return Ok(Self { name: name.to_owned(), text: text.to_owned(), ..policy });
        }
        reader.faults.sort_by_key(|fault| fault.span);
        Err(reader.faults)
    }
}

fn first(node: &Node) -> Span {
    match &node.value {
        Value::Mapping(entries) => entries.first().map_or(node.span, |entry| entry.key.span),
        Value::Scalar { .. } | Value::Sequence(_) => node.span,
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// The nearest known word, if one is near enough to be meant.
fn suggest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let near = |candidate: &&&str| strsim::damerau_levenshtein(word, candidate) <= 1 + candidate.len() / 4;
    let folded = word.replace('_', "-").to_lowercase();
    known
        .iter()
        .find(|candidate| **candidate == folded)
        .or_else(|| known.iter().filter(near).min_by_key(|candidate| strsim::damerau_levenshtein(word, candidate)))
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<(&'static str, u32)> {
        Policy::parse("t", text)
            .err()
            .map(|faults| faults.iter().map(|fault| (fault.rule, fault.span.line)).collect())
            .unwrap_or_default()
    }

    #[test]
    fn all_faults_of_a_file_are_reported_at_once() {
        let text =
            "version: 2\nlimits:\n  memroy: 1MiB\n  fuel: -1\n  deadline: 10\n  memory:\nfeatures: { threads: no }\n";
        let expected = [
            ("version-unknown", 1),
            ("unknown-key", 3),
            ("not-a-quantity", 4),
            ("not-a-quantity", 5),
            ("null-value", 6),
            ("boolean-not-canonical", 7),
        ];
        assert_eq!(faults(text), expected);
    }

    #[test]
    fn a_misspelled_key_gets_a_suggestion() {
        let faults = Policy::parse("t", "version: 1\nlimits: { table_elements: 10 }\n").unwrap_err();
        assert_eq!(faults[0].fix, "Did you mean `table-elements`?");
    }

    #[test]
    fn an_absent_limit_is_the_strict_default_and_unlimited_is_none() {
        let policy = Policy::parse("t", "version: 1\nlimits: { fuel: unlimited, memory: 25% }\n").unwrap();
        assert_eq!(policy.limits.resolve(LimitKey::Deadline, 0), Some(10_000_000_000));
        assert_eq!(policy.limits.resolve(LimitKey::Fuel, 0), None);
        assert_eq!(policy.limits.resolve(LimitKey::Memory, 1000), Some(250));
        assert_eq!(policy.limits.resolve(LimitKey::CallDepth, 0), None);
    }

    #[test]
    fn every_size_takes_a_share_and_nothing_else_does() {
        for key in LimitKey::ALL.iter().copied() {
            let policy = Policy::parse("t", &format!("version: 1\nlimits: {{ {key}: 25% }}\n"));
            let share = policy.ok().and_then(|policy| policy.limits.resolve(key, 1_000));
            assert_eq!(share, (key.unit() == Unit::Bytes).then_some(250), "{key}");
        }
        assert_eq!(faults("version: 1\nlimits: { memory: 0% }\n"), [("not-a-quantity", 2)]);
        assert_eq!(faults("version: 1\nlimits: { memory: 101% }\n"), [("not-a-quantity", 2)]);
    }

    #[test]
    fn a_seed_a_deny_list_and_the_keys_of_signers_are_read() {
        let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let text = format!(
            "version: 1\ngrants: {{ random: {{ seed: 7 }} }}\nmodules: {{ deny-list: deny.txt, signed-by: [{key}] }}\n"
        );
        let policy = Policy::parse("t", &text).unwrap();
        assert_eq!(policy.grants.random.value, Random::Seeded);
        assert_eq!(policy.grants.random_seed.map(|seed| seed.value), Some(7));
        assert_eq!(policy.modules.deny_list.map(|path| path.value), Some("deny.txt".to_owned()));
        assert_eq!(policy.modules.signed_by.len(), 1);
        assert_eq!(faults("version: 1\nmodules: { signed-by: [abc] }\n"), [("not-a-key", 2)]);
        assert_eq!(faults("version: 1\nmodules: { deny-list: '' }\n"), [("not-a-path", 2)]);
        assert_eq!(faults("version: 1\ngrants: { random: { sed: 7 } }\n"), [("unknown-key", 2)]);
    }

    #[test]
    fn the_version_is_asked_for() {
        assert_eq!(faults("limits: {}\n"), [("version-missing", 1)]);
        assert_eq!(faults("[]\n"), [("wrong-type", 1)]);
        assert_eq!(faults("hello\n"), [("wrong-type", 1)]);
    }
}
