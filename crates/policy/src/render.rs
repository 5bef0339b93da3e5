//! A policy as the text that reads back to it: what a builder put together is read by the same reader as a file.

use std::fmt::Write as _;

use gauntlet_record::{LimitKey, Unit};

use crate::model::{Access, Detail, Feature, Limit, OnDenial, Policy, Random, Stdin, User};

/// Text as a scalar that means itself in YAML: double quotes, with every character that is not plain escaped.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            ' '..='~' => out.push(c),
            _ => {
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

fn quantity(number: u64, unit: Unit) -> String {
    match unit {
        Unit::Time => format!("{number}ns"),
        Unit::Bytes => format!("{number}B"),
        Unit::Count => number.to_string(),
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

impl Policy {
    /// The policy as YAML, every value in its base unit. What is the strict default is left out, and so are comments.
    ///
    /// Reading the text gives the same policy again, but for the places of its values.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut out = "version: 1\n".to_owned();
        let mut section = |name: &str, lines: Vec<(String, String)>| {
            if !lines.is_empty() {
                let _ = writeln!(out, "{name}:");
                for (key, value) in lines {
                    let _ = writeln!(out, "  {key}: {value}");
                }
            }
        };
        let limits = LimitKey::ALL.iter().copied().filter_map(|key| {
            let value = match self.limits.get(key) {
                Limit::Default => return None,
                Limit::Unlimited(_) => "unlimited".to_owned(),
                Limit::At(number, _) => quantity(number, key.unit()),
                Limit::Share(percent, _) => format!("{percent}%"),
            };
            Some((key.as_str().to_owned(), value))
        });
        section("limits", limits.collect());
        section("grants", self.grants_yaml());
        let features = Feature::ALL.iter().filter_map(|feature| {
            self.features.named(*feature).map(|(allowed, _)| (feature.as_str().to_owned(), allowed.to_string()))
        });
        section("features", features.collect());
        section("modules", self.modules_yaml());
        let mut isolation: Vec<(String, String)> = self
            .isolation
            .mechanisms()
            .into_iter()
            .map(|(name, requirement)| (name.to_owned(), requirement.value.as_str().to_owned()))
            .collect();
        let user = match self.isolation.user.value {
            User::Unprivileged => "unprivileged",
            User::Caller => "caller",
        };
        isolation.push(("user".into(), user.into()));
        section("isolation", isolation);
        let detail = match self.errors.value {
            Detail::Generic => "generic",
            Detail::Full => "full",
        };
        section("errors", vec![("detail".into(), detail.into())]);
        section("audit", self.audit.log.iter().map(|log| ("log".to_owned(), quoted(&log.value))).collect());
        let tenant = self.per_tenant.named.iter().map(|(key, number)| {
            let unit = match key.value.as_str() {
                "cpu-time" | "window" => Unit::Time,
                "memory" | "disk" | "network-bytes" => Unit::Bytes,
                _ => Unit::Count,
            };
            (key.value.clone(), quantity(*number, unit))
        });
        section("per-tenant", tenant.collect());
        let on_denial = match self.on_denial.value {
            OnDenial::Errno => "errno",
            OnDenial::Trap => "trap",
        };
        let _ = writeln!(out, "on-denial: {on_denial}");
        if self.deterministic.value {
            out.push_str("deterministic: true\n");
        }
        if !self.waivers.is_empty() {
            out.push_str("waivers:\n");
            for waiver in &self.waivers {
                let mut fields = vec![format!("rule: {}", quoted(&waiver.rule.value))];
                let optional = [("reason", &waiver.reason), ("owner", &waiver.owner), ("expires", &waiver.expires)];
                fields.extend(
                    optional
                        .into_iter()
                        .filter_map(|(key, value)| Some(format!("{key}: {}", quoted(&value.as_ref()?.value)))),
                );
                let _ = writeln!(out, "  - {{ {} }}", fields.join(", "));
            }
        }
        out
    }

    fn grants_yaml(&self) -> Vec<(String, String)> {
        let grants = &self.grants;
        let mut lines = Vec::new();
        let mut add = |key: &str, value: String| lines.push((key.to_owned(), value));
        if !grants.filesystem.is_empty() {
            let entries = grants.filesystem.iter().map(|grant| {
                let mut fields = Vec::new();
                if grant.access.value != Access::Scratch {
                    fields.push(format!("host: {}", quoted(&grant.host.value)));
                }
                if grant.guest_named {
                    fields.push(format!("guest: {}", quoted(&grant.guest.value)));
                }
                fields.push(format!("access: {}", grant.access.value.as_str()));
                fields.extend(grant.reason.iter().map(|reason| format!("reason: {}", quoted(&reason.value))));
                format!("{{ {} }}", fields.join(", "))
            });
            add("filesystem", list(entries));
        }
        if !grants.network.is_empty() {
            let entries = grants.network.iter().map(|grant| {
                let reason = grant
                    .reason
                    .as_ref()
                    .map_or(String::new(), |reason| format!(", reason: {}", quoted(&reason.value)));
                format!("{{ {}: {}{reason} }}", grant.scope.as_str(), quoted(&grant.address.value))
            });
            add("network", list(entries));
        }
        if !grants.environment.is_empty() {
            let pairs = grants
                .environment
                .iter()
                .map(|variable| format!("{}: {}", quoted(&variable.name.value), quoted(&variable.value.value)));
            add("environment", format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", ")));
        }
        if !grants.arguments.is_empty() {
            add("arguments", list(grants.arguments.iter().map(|argument| quoted(&argument.value))));
        }
        if grants.stdin.value == Stdin::Inherit {
            add("stdin", "inherit".into());
        }
        if let Some(resolution) = &grants.clock_resolution {
            add("clock", format!("{{ resolution: {}ns }}", resolution.value.get()));
        }
        if grants.random.value == Random::Seeded {
            add("random", "seeded".into());
        }
        lines
    }

    fn modules_yaml(&self) -> Vec<(String, String)> {
        let modules = &self.modules;
        let mut lines = Vec::new();
        for (key, items) in [("sha256", &modules.sha256), ("signed-by", &modules.signed_by), ("deny", &modules.deny)] {
            if !items.is_empty() {
                lines.push((key.to_owned(), list(items.iter().map(|item| quoted(&item.value)))));
            }
        }
        for (key, accepted) in [("precompiled", modules.precompiled), ("compressed", modules.compressed)] {
            if accepted.value {
                lines.push((key.to_owned(), "accept".into()));
            }
        }
        if modules.unknown_imports.value {
            lines.push(("imports".into(), "stub-unknown".into()));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_policy_reads_back_to_it() {
        let text = concat!(
            "version: 1\n",
            "limits: { deadline: 10s, memory: 25%, fuel: unlimited, output: 1KiB, files: 7, call-depth: 100 }\n",
            "grants:\n",
            "  filesystem: [ { host: ./data, guest: /data, access: read-only, reason: \"say \\\"hi\\\"\" },",
            " { guest: /tmp, access: scratch }, { host: 'a\\b: c', access: read-write } ]\n",
            "  network: [ { connect: \"127.0.0.1:80\" }, { resolve: example.com, reason: names } ]\n",
            "  environment: { A: \"1\", B: 'yes' }\n",
            "  arguments: [ \"-v\", \"\\u263a\", \"{x}\" ]\n",
            "  stdin: inherit\n",
            "  clock: { resolution: 5ms }\n",
            "  random: seeded\n",
            "features: { threads: true, simd: false }\n",
            "modules: { deny: [ \"a::b\" ], precompiled: accept, imports: stub-unknown }\n",
            "on-denial: trap\n",
            "deterministic: true\n",
            "isolation: { cgroup: \"off\", user: caller }\n",
            "errors: { detail: full }\n",
            "audit: { log: a.jsonl }\n",
            "per-tenant: { runs: 5, cpu-time: 1s, memory: 1MiB }\n",
            "waivers: [ { rule: r, reason: because, owner: me, expires: 2030-01-01 } ]\n",
        );
        let policy = Policy::parse("t", text).unwrap();
        let rendered = policy.to_yaml();
        let again = Policy::parse("t", &rendered).unwrap_or_else(|faults| panic!("{faults:?}\n{rendered}"));
        assert_eq!(again.to_yaml(), rendered);
        let plain = |policy: &Policy| {
            let values = policy.values(1 << 30);
            values.into_iter().map(|value| (value.key, value.value)).collect::<Vec<_>>()
        };
        assert_eq!(plain(&again), plain(&policy));
        assert_eq!(again.grants.filesystem[2].host.value, "a\\b: c");
        assert_eq!(again.grants.arguments[1].value, "\u{263a}");
        assert_eq!(again.per_tenant.named.len(), 3);
        assert_eq!(again.waivers.len(), 1);
    }

    #[test]
    fn the_empty_policy_is_the_strict_one() {
        let again = Policy::parse("t", &Policy::default().to_yaml()).unwrap();
        assert_eq!(again.limits, Policy::default().limits);
        assert_eq!(again.grants, Policy::default().grants);
    }
}
