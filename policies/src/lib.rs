//! Policy presets, embedded.
//!
//! Data on the line: what `--policy strict` means where no file is given. Every `policies/*.yaml` is a preset by its name, every
//! `policies/examples/*.yaml` an example; the build finds them, no list is kept. Each preset opens with a line that names its schema for
//! editors, and a comment on who it is for.
//!
//! ```
//! let strict = gauntlet_policies::preset("strict").expect("the default preset");
//! assert!(strict.contains("version: 1"));
//! assert!(gauntlet_policies::preset("no-such-preset").is_none());
//! ```

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The preset that holds where no policy is named.
pub const DEFAULT: &str = "strict";

/// The text of a preset.
#[must_use]
pub fn preset(name: &str) -> Option<&'static str> {
    PRESETS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// What a preset is for: the first paragraph of its comment, on one line.
#[must_use]
pub fn purpose(name: &str) -> Option<String> {
    let text = preset(name)?;
    let lines = text
        .lines()
        .map_while(|line| line.strip_prefix('#'))
        .map(str::trim)
        .skip_while(|line| line.starts_with("yaml-language-server:"))
        .take_while(|line| !line.is_empty());
    Some(lines.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use gauntlet_policy::{Feature, Limit, Limits, OnDenial, Policy, Requirement};

    use super::*;

    fn policy(name: &str) -> Policy {
        Policy::parse(name, preset(name).unwrap()).unwrap()
    }

    fn limit(policy: &Policy, key: &str) -> u64 {
        policy.limits.resolve(key.parse().unwrap(), 0).unwrap()
    }

    #[test]
    fn every_preset_and_example_can_be_read() {
        assert!(PRESETS.iter().map(|(name, _)| *name).eq(["agent", "code-runner", "hardened", "quota", "strict"]));
        for (name, text) in PRESETS.iter().chain(EXAMPLES) {
            assert!(Policy::parse(name, text).is_ok(), "{name}: {:?}", Policy::parse(name, text));
        }
    }

    #[test]
    fn every_preset_says_who_it_is_for() {
        for (name, _) in PRESETS {
            assert!(purpose(name).unwrap().split_whitespace().count() > 8, "{name}");
        }
        assert!(preset(DEFAULT).is_some());
    }

    #[test]
    fn every_preset_writes_every_limit_and_proposal_out_and_grants_nothing() {
        for (name, _) in PRESETS {
            let policy = policy(name);
            for key in gauntlet_record::LimitKey::ALL.iter().copied() {
                let written = matches!(policy.limits.get(key), Limit::At(..));
                assert!(written || Limits::strict(key).is_none(), "{name}: {key}");
            }
            for feature in Feature::ALL.iter().copied() {
                assert!(policy.features.named(feature).is_some(), "{name}: {feature:?}");
            }
            let grants = &policy.grants;
            assert!(grants.filesystem.is_empty() && grants.network.is_empty(), "{name}");
            assert!(grants.environment.is_empty() && grants.arguments.is_empty(), "{name}");
        }
    }

    #[test]
    fn strict_is_the_strict_default() {
        let (strict, empty) = (policy("strict"), Policy::parse("empty", "version: 1\n").unwrap());
        for key in gauntlet_record::LimitKey::ALL.iter().copied() {
            assert_eq!(strict.limits.resolve(key, 0), empty.limits.resolve(key, 0), "{key}");
        }
        for feature in Feature::ALL.iter().copied() {
            assert_eq!(strict.features.allows(feature), empty.features.allows(feature), "{feature:?}");
        }
        let words =
            |policy: &Policy| policy.isolation.mechanisms().map(|(name, requirement)| (name, requirement.value));
        assert_eq!(words(&strict), words(&empty));
        assert_eq!(strict.on_denial.value, empty.on_denial.value);
    }

    #[test]
    fn hardened_requires_every_mechanism_and_keeps_to_the_usual_ranges() {
        let policy = policy("hardened");
        assert!(
            policy.isolation.mechanisms().iter().all(|(_, requirement)| requirement.value == Requirement::Required)
        );
        assert!((10_000_000..=100_000_000).contains(&limit(&policy, "fuel")));
        assert!((100_000_000..=500_000_000).contains(&limit(&policy, "memory")));
        assert!((5_000_000_000..=60_000_000_000).contains(&limit(&policy, "deadline")));
        assert!(limit(&policy, "stack") <= 8_000_000);
    }

    #[test]
    fn the_other_presets_keep_their_numbers() {
        let agent = policy("agent");
        assert_eq!(limit(&agent, "memory"), 64 * 65_536);
        assert_eq!((limit(&agent, "deadline"), limit(&agent, "cpu-time")), (30_000_000_000, 10_000_000_000));
        assert_eq!(limit(&agent, "call-depth"), 1_000);
        let runner = policy("code-runner");
        assert_eq!((limit(&runner, "memory"), limit(&runner, "output")), (128 << 20, 1 << 20));
        assert_eq!((limit(&runner, "deadline"), limit(&runner, "fuel")), (10_000_000_000, 1_000_000_000));
        let quota = policy("quota");
        assert_eq!(
            (limit(&quota, "memory"), limit(&quota, "table-elements"), limit(&quota, "stack")),
            (128 << 20, 10_000, 1 << 20)
        );
        assert_eq!(quota.on_denial.value, OnDenial::Trap);
        for feature in [Feature::Simd, Feature::Threads, Feature::MultiMemory] {
            assert!(!quota.features.allows(feature));
        }
    }
}
