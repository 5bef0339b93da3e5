//! Which keys of a policy a trial is evidence for.

use gauntlet_policy::{Limit, Policy};
use gauntlet_record::{Cause, DenialKind, Grant, LimitKey};

use crate::model::Live;

/// Every key that a trial can be evidence for.
pub(crate) fn keys() -> Vec<String> {
    let mut keys: Vec<String> = LimitKey::ALL.iter().map(|key| format!("limits.{key}")).collect();
    let shown =
        Policy::default().values(0).into_iter().map(|value| value.key).filter(|key| !key.starts_with("limits."));
    keys.extend(shown);
    keys.extend(["deterministic".to_owned(), "escaping".to_owned()]);
    keys
}

/// The keys that follow from what stops the attack and from what its live control opens.
///
/// A live control opens every limit that would stop the attack, so a limit counts only if it is a listed cause; if the control opens one
/// of the listed causes, the others are there as a backstop and prove nothing.
pub(crate) fn derive(class: &str, contained_by: &[Cause], live: &Live) -> Vec<String> {
    let opened = |key: LimitKey| match live {
        Live::Overlay(overlay) => overlay.limits.get(key) != Limit::Default,
        Live::Lift(ids) => ids.iter().any(|id| id == key.as_str()),
        Live::Executor(_) | Live::Engine(_) | Live::None(_) => false,
    };
    let is_opened = |cause: &Cause| matches!(cause, Cause::Limit(key) if opened(*key));
    let narrowed = contained_by.iter().any(is_opened);
    let mut keys: Vec<String> = Vec::new();
    for cause in contained_by {
        match cause {
            Cause::Limit(key) if !narrowed || opened(*key) => keys.push(format!("limits.{key}")),
            Cause::Denied(DenialKind::Path | DenialKind::Descriptor) => keys.push("grants.filesystem".into()),
            Cause::Denied(DenialKind::Address) => keys.push("grants.network".into()),
            Cause::Denied(DenialKind::Import) if class == "network" => keys.push("grants.network".into()),
            Cause::Denied(DenialKind::Feature) => keys.push("features".into()),
            Cause::Denied(DenialKind::Import) | Cause::RefusedModule | Cause::RefusedDigest => {
                keys.push("modules".into())
            }
            Cause::RefusedTenant => keys.push("per-tenant".into()),
            Cause::EscapedText => keys.push("escaping".into()),
            Cause::NoEffect => keys.extend(grants(live)),
            Cause::Limit(_) | Cause::RefusedPolicy | Cause::KilledParent | Cause::KilledOs | Cause::NotShown => {}
        }
    }
    let mut seen = Vec::new();
    keys.retain(|key| {
        let new = !seen.contains(key);
        seen.push(key.clone());
        new
    });
    keys
}

/// The grants that a live control opens.
fn grants(live: &Live) -> Vec<String> {
    match live {
        Live::Lift(ids) => ids.iter().filter_map(|id| id.parse::<Grant>().ok()).filter_map(key_of).collect(),
        Live::Overlay(overlay) => overlay
            .sections
            .iter()
            .map(|(section, _)| section.clone())
            .filter(|section| section.starts_with("grants."))
            .collect(),
        Live::Executor(_) | Live::Engine(_) | Live::None(_) => Vec::new(),
    }
}

fn key_of(grant: Grant) -> Option<String> {
    match grant {
        Grant::Filesystem
        | Grant::Network
        | Grant::Environment
        | Grant::Arguments
        | Grant::Stdin
        | Grant::Clock
        | Grant::Random => Some(format!("grants.{grant}")),
        Grant::Features | Grant::Modules | Grant::Errors | Grant::Escaping => Some(grant.as_str().to_owned()),
        // Its mechanisms are keys of their own; an attack names the one it means.
        Grant::Isolation => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlay(text: &str) -> Live {
        let node = gauntlet_policy::document::parse(text).unwrap();
        Live::Overlay(Box::new(gauntlet_policy::Reader::default().policy(&node, false)))
    }

    #[test]
    fn a_backstop_proves_nothing() {
        let causes = [Cause::Limit(LimitKey::Fuel), Cause::Limit(LimitKey::Deadline)];
        let live = overlay("limits: { fuel: unlimited, memory: unlimited }\n");
        assert_eq!(derive("cpu", &causes, &live), ["limits.fuel"]);
        assert_eq!(derive("cpu", &causes, &Live::None("x".into())), ["limits.fuel", "limits.deadline"]);
    }

    #[test]
    fn a_leak_without_a_denial_is_evidence_for_the_grant_that_is_lifted() {
        let live = Live::Lift(vec!["environment".into(), "jail".into()]);
        assert_eq!(derive("environment", &[Cause::NoEffect], &live), ["grants.environment"]);
    }

    #[test]
    fn a_denied_import_is_evidence_for_the_network_only_in_its_class() {
        let causes = [Cause::Denied(DenialKind::Import)];
        assert_eq!(derive("network", &causes, &Live::None("x".into())), ["grants.network"]);
        assert_eq!(derive("supply-chain", &causes, &Live::None("x".into())), ["modules"]);
    }
}
