//! A policy's values as a record shows them.

use gauntlet_record::{LimitKey, PolicyValue, Unit};

use super::{Feature, Limit, Limits, Policy, Random};

impl Policy {
    /// Every limit and grant as a record shows it, a share resolved against `host_memory` bytes.
    #[must_use]
    pub fn values(&self, host_memory: u64) -> Vec<PolicyValue> {
        let mut values = Vec::new();
        let mut add = |key: String, value: String, line: Option<u32>| {
            values.push(PolicyValue { key, value, line, not_held: None });
        };
        for key in LimitKey::ALL.iter().copied() {
            let limit = self.limits.get(key);
            let Some(shown) = self.show_limit(key, host_memory) else { continue };
            add(format!("limits.{key}"), shown, limit.span().map(|span| span.line));
        }
        let grants = &self.grants;
        let list = |items: Vec<String>| if items.is_empty() { "none".to_owned() } else { items.join(", ") };
        let line = |key: &str| self.sections.iter().find(|(name, _)| name == key).map(|(_, span)| span.line);
        let files = grants
            .filesystem
            .iter()
            .map(|grant| format!("{} as {} ({})", grant.host.value, grant.guest.value, grant.access.value.as_str()));
        add("grants.filesystem".into(), list(files.collect()), line("grants.filesystem"));
        let network = grants.network.iter().map(|grant| format!("{} {}", grant.scope.as_str(), grant.address.value));
        add("grants.network".into(), list(network.collect()), line("grants.network"));
        let environment = grants.environment.iter().map(|variable| variable.name.value.clone());
        add("grants.environment".into(), list(environment.collect()), line("grants.environment"));
        add(
            "grants.arguments".into(),
            list(grants.arguments.iter().map(|arg| arg.value.clone()).collect()),
            line("grants.arguments"),
        );
        add("grants.stdin".into(), grants.stdin.value.as_str().into(), line("grants.stdin"));
        let resolution = grants.clock_resolution.map_or(1_000_000, |resolution| resolution.value.get());
        add("grants.clock".into(), Unit::Time.show(resolution), line("grants.clock"));
        let random = match (grants.random.value, grants.random_seed) {
            (Random::System, _) => "system".to_owned(),
            (Random::Seeded, None) => "seeded".to_owned(),
            (Random::Seeded, Some(seed)) => format!("seeded with {}", seed.value),
        };
        add("grants.random".into(), random, line("grants.random"));
        let allowed = Feature::ALL
            .iter()
            .filter(|feature| self.features.allows(**feature))
            .map(|feature| feature.as_str().to_owned());
        add("features".into(), list(allowed.collect()), line("features"));
        let pinned = match self.modules.sha256.len() {
            0 => "any wasm".to_owned(),
            n => format!("{n} pinned"),
        };
        add("modules".into(), pinned, line("modules"));
        add("on-denial".into(), self.on_denial.value.as_str().into(), line("on-denial"));
        for (name, requirement) in self.isolation.mechanisms() {
            add(format!("isolation.{name}"), requirement.value.as_str().into(), line("isolation"));
        }
        add("errors".into(), self.errors.value.as_str().into(), line("errors"));
        if self.deterministic.value {
            add("deterministic".into(), "true".into(), line("deterministic"));
        }
        values
    }

    /// A limit for people; `None` if it is not counted.
    #[must_use]
    pub fn show_limit(&self, key: LimitKey, host_memory: u64) -> Option<String> {
        let show = |number| key.unit().show(number);
        match self.limits.get(key) {
            Limit::Default => Limits::strict(key).map(show),
            Limit::Unlimited(_) => Some("unlimited".to_owned()),
            Limit::At(number, _) => Some(show(number)),
            Limit::Share(percent, _) => {
                let resolved = self.limits.resolve(key, host_memory).unwrap_or_default();
                Some(format!("{percent}% = {}", show(resolved)))
            }
        }
    }
}
