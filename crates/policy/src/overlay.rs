//! Laying an attack's part of a policy over the policy under test. An attack's overlay only tightens; a control's overlay opens.

use gauntlet_record::{LimitKey, Origin, ValueInForce};

use crate::model::{Access, Feature, Limit, Limits, OnDenial, Policy};

/// A policy with the parts that were laid over it, and where each value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlay {
    /// The result.
    pub policy: Policy,
    /// The keys that a layer changed, in the order of the layers.
    origins: Vec<(String, Origin)>,
    host_memory: u64,
}

impl Overlay {
    /// Begins with the policy under test; shares are taken of `host_memory` bytes.
    #[must_use]
    pub fn new(policy: &Policy, host_memory: u64) -> Self {
        Self { policy: policy.clone(), origins: Vec::new(), host_memory }
    }

    /// Tightens: lowers limits that the policy bounds, turns features off that it leaves at their default, adds grants, ends runs at the
    /// first denial.
    ///
    /// A limit of 0 on what the policy grants nothing of is moot there, and would be all that an attack on the fixture's own grant ever
    /// meets: with a grant that the overlay brings, it becomes the overlay's own value, or the strict default.
    ///
    /// It never bounds what the policy leaves `unlimited`, never closes a grant and never turns a protection on that the policy turns
    /// off: there the attack runs against what the user wrote. Grants of the overlay stand before those of the policy, so that an
    /// attack finds its own under the lowest descriptors.
    pub fn tighten(&mut self, overlay: &Policy) {
        self.unmoot(overlay);
        for key in LimitKey::ALL.iter().copied() {
            let wanted = overlay.limits.get(key);
            let Limit::At(value, span) = wanted else { continue };
            let in_force = self.policy.limits.resolve(key, self.host_memory);
            let counted = in_force.is_some() || matches!(self.policy.limits.get(key), Limit::Default);
            if counted && in_force.is_none_or(|current| value < current) {
                self.policy.limits.set(key, Limit::At(value, span));
                self.changed(format!("limits.{key}"), Origin::Attack);
            }
        }
        for feature in Feature::ALL.iter().copied() {
            if let Some((false, span)) = overlay.features.named(feature)
                && self.policy.features.named(feature).is_none()
            {
                self.policy.features.set(feature, false, span);
                self.changed("features".to_owned(), Origin::Attack);
            }
        }
        // Runs that may differ each time are no weakness, so no policy turns anything off by not asking for this: an attack that is about
        // deterministic runs asks whether they hold.
        if overlay.deterministic.value && !self.policy.deterministic.value {
            self.policy.deterministic = overlay.deterministic;
            self.changed("deterministic".to_owned(), Origin::Attack);
        }
        if overlay.grants.random.span.line > 0 && self.policy.grants.random.span.line == 0 {
            self.policy.grants.random = overlay.grants.random;
            self.policy.grants.random_seed = overlay.grants.random_seed;
            self.changed("grants.random".to_owned(), Origin::Attack);
        }
        if overlay.on_denial.value == OnDenial::Trap && self.policy.on_denial.value != OnDenial::Trap {
            self.policy.on_denial = overlay.on_denial;
            self.changed("on-denial".to_owned(), Origin::Attack);
        }
        self.add_grants(overlay, Origin::Attack);
        if !overlay.modules.signed_by.is_empty() && self.policy.modules.signed_by.is_empty() {
            self.policy.modules.signed_by.clone_from(&overlay.modules.signed_by);
            self.changed("modules".to_owned(), Origin::Attack);
        }
        if !overlay.modules.sha256.is_empty() && self.policy.modules.sha256.is_empty() {
            self.policy.modules.sha256.clone_from(&overlay.modules.sha256);
            self.changed("modules".to_owned(), Origin::Attack);
        }
    }

    /// Replaces limits of 0 that hold nothing, because the policy grants nothing that they could hold, and the overlay does.
    fn unmoot(&mut self, overlay: &Policy) {
        let writable = |policy: &Policy| policy.grants.filesystem.iter().any(|it| it.access.value != Access::ReadOnly);
        let network = |policy: &Policy| !policy.grants.network.is_empty();
        let files = writable(overlay) && !writable(&self.policy);
        let network = network(overlay) && !network(&self.policy);
        let keys = [
            (LimitKey::Disk, files),
            (LimitKey::Files, files),
            (LimitKey::Connections, network),
            (LimitKey::NetworkBytes, network),
            (LimitKey::Ports, network),
        ];
        for (key, brought) in keys {
            if !brought || self.policy.limits.resolve(key, self.host_memory) != Some(0) {
                continue;
            }
            let own = match overlay.limits.get(key) {
                Limit::At(value, span) => Limit::At(value, span),
                Limit::Default | Limit::Unlimited(_) | Limit::Share(..) => Limit::Default,
            };
            if own != self.policy.limits.get(key) {
                self.policy.limits.set(key, own);
                self.changed(format!("limits.{key}"), Origin::Attack);
            }
        }
    }

    /// Opens: takes every limit, feature and requirement that a live control names, whatever was in force before.
    pub fn open(&mut self, overlay: &Policy) {
        for key in LimitKey::ALL.iter().copied() {
            let wanted = overlay.limits.get(key);
            if wanted != Limit::Default {
                self.policy.limits.set(key, wanted);
                self.changed(format!("limits.{key}"), Origin::Control);
            }
        }
        for feature in Feature::ALL.iter().copied() {
            if let Some((allowed, span)) = overlay.features.named(feature) {
                self.policy.features.set(feature, allowed, span);
                self.changed("features".to_owned(), Origin::Control);
            }
        }
        if overlay.on_denial.span.line > 0 {
            self.policy.on_denial = overlay.on_denial;
            self.changed("on-denial".to_owned(), Origin::Control);
        }
        if overlay.grants.stdin.span.line > 0 {
            self.policy.grants.stdin = overlay.grants.stdin;
            self.changed("grants.stdin".to_owned(), Origin::Control);
        }
        if overlay.grants.clock_resolution.is_some() {
            self.policy.grants.clock_resolution = overlay.grants.clock_resolution;
            self.changed("grants.clock".to_owned(), Origin::Control);
        }
        if !overlay.grants.filesystem.is_empty() {
            // A grant of the control takes the place of the attack's grant with the same guest path.
            let taken: Vec<String> = overlay.grants.filesystem.iter().map(|grant| grant.guest.value.clone()).collect();
            self.policy.grants.filesystem.retain(|grant| !taken.contains(&grant.guest.value));
        }
        self.add_grants(overlay, Origin::Control);
        if overlay.sections.iter().any(|(name, _)| name == "modules") {
            self.policy.modules = overlay.modules.clone();
            self.changed("modules".to_owned(), Origin::Control);
        }
    }

    fn add_grants(&mut self, overlay: &Policy, origin: Origin) {
        let (mine, theirs) = (&mut self.policy.grants, &overlay.grants);
        let mut changed = Vec::new();
        if !theirs.filesystem.is_empty() {
            mine.filesystem.splice(0..0, theirs.filesystem.iter().cloned());
            changed.push("grants.filesystem");
        }
        if !theirs.network.is_empty() {
            mine.network.splice(0..0, theirs.network.iter().cloned());
            changed.push("grants.network");
        }
        if !theirs.environment.is_empty() {
            mine.environment.splice(0..0, theirs.environment.iter().cloned());
            changed.push("grants.environment");
        }
        if !theirs.arguments.is_empty() {
            mine.arguments.splice(0..0, theirs.arguments.iter().cloned());
            changed.push("grants.arguments");
        }
        for key in changed {
            self.changed(key.to_owned(), origin);
        }
    }

    fn changed(&mut self, key: String, origin: Origin) {
        self.origins.retain(|(name, _)| *name != key);
        self.origins.push((key, origin));
    }

    /// Every value in force, with its origin.
    #[must_use]
    pub fn values(&self) -> Vec<ValueInForce> {
        let origin = |key: &str, line: Option<u32>| {
            let laid = self.origins.iter().rev().find(|(name, _)| name == key).map(|(_, origin)| *origin);
            laid.unwrap_or(if line.is_some() { Origin::Policy } else { Origin::Default })
        };
        let values = self.policy.values(self.host_memory);
        values
            .into_iter()
            .map(|value| ValueInForce { from: origin(&value.key, value.line), key: value.key, value: value.value })
            .collect()
    }

    /// The value of a limit that is in force; `None` is unlimited.
    #[must_use]
    pub fn limit(&self, key: LimitKey) -> Option<u64> {
        self.policy.limits.resolve(key, self.host_memory)
    }

    /// Whether the strict default already bounds a limit that the policy does not name.
    #[must_use]
    pub const fn strict(key: LimitKey) -> Option<u64> {
        Limits::strict(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;
    use crate::reader::Reader;

    fn part(text: &str) -> Policy {
        let mut reader = Reader::default();
        let policy = reader.policy(&document::parse(text).unwrap(), false);
        assert_eq!(reader.faults, []);
        policy
    }

    fn whole(text: &str) -> Policy {
        Policy::parse("t", text).unwrap()
    }

    #[test]
    fn an_attack_lowers_what_the_policy_bounds() {
        let mut overlay = Overlay::new(&whole("version: 1\nlimits: { memory: 64MiB }\n"), 0);
        overlay.tighten(&part("limits: { memory: 1MiB, deadline: 1s }\n"));
        assert_eq!(overlay.limit(LimitKey::Memory), Some(1 << 20));
        assert_eq!(overlay.limit(LimitKey::Deadline), Some(1_000_000_000));
        let memory = overlay.values().into_iter().find(|value| value.key == "limits.memory").unwrap();
        assert_eq!(memory.from, Origin::Attack);
    }

    #[test]
    fn an_attack_never_bounds_what_the_policy_leaves_unlimited_nor_raises_anything() {
        let mut overlay = Overlay::new(
            &whole("version: 1\nlimits: { memory: unlimited, fuel: 10 }\nfeatures: { threads: true }\n"),
            0,
        );
        overlay.tighten(&part("limits: { memory: 1MiB, fuel: 1000 }\nfeatures: { threads: false }\n"));
        assert_eq!(overlay.limit(LimitKey::Memory), None);
        assert_eq!(overlay.limit(LimitKey::Fuel), Some(10));
        assert!(overlay.policy.features.allows(Feature::Threads));
    }

    #[test]
    fn an_attack_may_ask_for_a_deterministic_run_and_for_signatures() {
        let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let asked =
            format!("deterministic: true\ngrants: {{ random: {{ seed: 1 }} }}\nmodules: {{ signed-by: [{key}] }}\n");
        let mut overlay = Overlay::new(&whole("version: 1\n"), 0);
        overlay.tighten(&part(&asked));
        assert!(overlay.policy.deterministic.value);
        assert_eq!(overlay.policy.modules.signed_by.len(), 1);
        let from =
            |overlay: &Overlay, key: &str| overlay.values().into_iter().find(|value| value.key == key).unwrap().from;
        assert_eq!(from(&overlay, "deterministic"), Origin::Attack);
        assert_eq!(from(&overlay, "grants.random"), Origin::Attack);
        // What the policy says itself stays.
        let mut overlay = Overlay::new(&whole("version: 1\ngrants: { random: system }\n"), 0);
        overlay.tighten(&part(&asked));
        assert_eq!(from(&overlay, "grants.random"), Origin::Policy);
    }

    #[test]
    fn a_limit_of_nothing_is_moot_until_the_overlay_brings_something_to_hold() {
        let closed = whole("version: 1\nlimits: { disk: 0B, files: 0, connections: 0 }\n");
        let mut overlay = Overlay::new(&closed, 0);
        overlay.tighten(&part("limits: { disk: 1MiB, connections: 8 }\n"));
        assert_eq!(overlay.limit(LimitKey::Disk), Some(0));
        assert_eq!(overlay.limit(LimitKey::Connections), Some(0));
        let fixture = "grants: { filesystem: [{ host: granted, guest: /g, access: read-write }], network: [{ connect: listener }] }";
        let mut overlay = Overlay::new(&closed, 0);
        overlay.tighten(&part(&format!("{fixture}\nlimits: {{ disk: 1MiB, connections: 8 }}\n")));
        assert_eq!(overlay.limit(LimitKey::Disk), Some(1 << 20));
        assert_eq!(overlay.limit(LimitKey::Files), Some(1_000));
        assert_eq!(overlay.limit(LimitKey::Connections), Some(8));
        assert_eq!(overlay.limit(LimitKey::NetworkBytes), Some(0));
        let files = overlay.values().into_iter().find(|value| value.key == "limits.files").unwrap();
        assert_eq!(files.from, Origin::Attack);
    }

    #[test]
    fn a_limit_of_nothing_on_a_grant_of_the_users_holds() {
        let user = "version: 1\nlimits: { disk: 0B }\ngrants: { filesystem: [{ host: ./d, guest: /d, access: read-write }] }\n";
        let mut overlay = Overlay::new(&whole(user), 0);
        overlay.tighten(&part("grants: { filesystem: [{ host: granted, guest: /g, access: read-write }] }\n"));
        assert_eq!(overlay.limit(LimitKey::Disk), Some(0));
    }

    #[test]
    fn an_attack_may_end_runs_at_the_first_denial_and_never_lets_them_go_on() {
        let mut overlay = Overlay::new(&whole("version: 1\n"), 0);
        overlay.tighten(&part("on-denial: trap\n"));
        assert_eq!(overlay.policy.on_denial.value, OnDenial::Trap);
        let mut overlay = Overlay::new(&whole("version: 1\non-denial: trap\n"), 0);
        overlay.tighten(&part("on-denial: errno\n"));
        assert_eq!(overlay.policy.on_denial.value, OnDenial::Trap);
    }

    #[test]
    fn a_control_opens() {
        let mut overlay = Overlay::new(&whole("version: 1\nlimits: { memory: 64MiB }\n"), 0);
        overlay.tighten(&part("limits: { memory: 1MiB }\n"));
        overlay.open(&part("limits: { memory: unlimited }\nfeatures: { threads: true }\n"));
        assert_eq!(overlay.limit(LimitKey::Memory), None);
        assert!(overlay.policy.features.allows(Feature::Threads));
    }
}
