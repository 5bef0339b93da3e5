//! What an embedder reads of a denial: the operation, the grant it needs, the grants that are held, and the fix.

use std::fmt;

use gauntlet_policy::Policy;
use gauntlet_record::{Cause, DenialKind, GuestText, LimitKey};
use gauntlet_target::{DenialSeen, Outcome};
use serde::{Deserialize, Serialize};

/// A denial, explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Explanation {
    /// Why it was denied.
    pub cause: Cause,
    /// What the guest asked for, escaped and cut: `path_open ../outside`.
    pub operation: String,
    /// The key of the policy that would allow it.
    pub needed: String,
    /// What the policy grants under that key.
    pub held: Vec<String>,
    /// What to do if the guest should have it.
    pub fix: String,
    /// How often it was denied.
    pub count: u64,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = if self.held.is_empty() { "nothing".to_owned() } else { self.held.join(", ") };
        write!(
            f,
            "denied `{}` ({}): it needs `{}`, which grants {held}; {}",
            self.operation, self.cause, self.needed, self.fix
        )
    }
}

/// A limit that was reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResourceUse {
    /// The limit.
    pub key: LimitKey,
    /// How much was used, in the limit's base unit, where it was measured.
    pub used: Option<u64>,
    /// How much there was.
    pub limit: Option<u64>,
}

impl fmt::Display for ResourceUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |number: Option<u64>| number.map_or("?".to_owned(), |number| self.key.unit().show(number));
        write!(f, "the limit `{}` was reached: used {} of {}", self.key, show(self.used), show(self.limit))
    }
}

impl ResourceUse {
    /// What an outcome says of a limit.
    pub(crate) fn of(key: LimitKey, outcome: &Outcome) -> Self {
        let usage = outcome.usage.iter().find(|usage| usage.limit == key);
        let denied = outcome.denials.iter().rev().find(|denial| denial.cause == Cause::Limit(key));
        Self {
            key,
            used: usage.and_then(|usage| usage.used),
            limit: usage.and_then(|usage| usage.cap).or_else(|| denied.and_then(|denial| denial.limit)),
        }
    }
}

/// Explains everything that an outcome was denied, the ending's cause first.
#[must_use]
pub fn explain(outcome: &Outcome, policy: &Policy) -> Vec<Explanation> {
    let ending = outcome.ending.cause.filter(|cause| !outcome.denials.iter().any(|denial| denial.cause == *cause));
    let ending = ending.map(|cause| DenialSeen { cause, asked: outcome.ending.detail.clone(), limit: None, count: 1 });
    ending.iter().chain(&outcome.denials).map(|denial| one(denial, policy)).collect()
}

/// Explains one denial.
pub(crate) fn one(denial: &DenialSeen, policy: &Policy) -> Explanation {
    let grants = &policy.grants;
    let (needed, held, fix): (String, Vec<String>, String) = match denial.cause {
        Cause::Denied(DenialKind::Path) => (
            "grants.filesystem".into(),
            grants
                .filesystem
                .iter()
                .map(|grant| format!("{} ({})", grant.guest.value, grant.access.value.as_str()))
                .collect(),
            "grant the directory with `grant_dir(host, guest, access)`, read-write if the guest has to change it"
                .into(),
        ),
        Cause::Denied(DenialKind::Address) => (
            "grants.network".into(),
            grants.network.iter().map(|grant| format!("{} {}", grant.scope.as_str(), grant.address.value)).collect(),
            "grant the address with `grant_connect(\"host:port\")`".into(),
        ),
        Cause::Denied(DenialKind::Import) => (
            "modules".into(),
            vec!["the interfaces of WASI".into()],
            "build the guest for WASI, take the name out of `modules.deny`, or add the function with `host_function`"
                .into(),
        ),
        Cause::Denied(DenialKind::Feature) => (
            "features".into(),
            gauntlet_policy::Feature::ALL
                .iter()
                .filter(|feature| policy.features.allows(**feature))
                .map(|feature| feature.as_str().to_owned())
                .collect(),
            "allow the proposal with `feature(.., true)`, or build the guest without it".into(),
        ),
        Cause::Denied(DenialKind::Descriptor) => (
            "grants".into(),
            Vec::new(),
            "the guest used a descriptor that it does not hold: nothing can be granted for that".into(),
        ),
        Cause::Limit(key) => {
            let shown = policy.show_limit(key, crate::host_memory()).unwrap_or_else(|| "no bound".into());
            (
                format!("limits.{key}"),
                vec![shown],
                format!("raise it with `limit(LimitKey::.., ..)` for `{key}` if the guest may have more"),
            )
        }
        Cause::RefusedModule | Cause::RefusedDigest => (
            "modules".into(),
            match policy.modules.sha256.len() {
                0 => vec!["any sound module".into()],
                pinned => vec![format!("{pinned} pinned digests")],
            },
            "give a sound binary module whose digest and signature the policy accepts, and call what it exports".into(),
        ),
        Cause::RefusedPolicy => ("the policy".into(), Vec::new(), "mend what the policy's faults name".into()),
        Cause::RefusedTenant => (
            "per-tenant".into(),
            Vec::new(),
            "wait until the window has moved on, raise the tenant's budget, or lift its quarantine".into(),
        ),
        Cause::KilledParent | Cause::KilledOs => (
            "isolation".into(),
            Vec::new(),
            "the guest did what the jail ends a process for: treat it as hostile".into(),
        ),
        Cause::EscapedText | Cause::NoEffect | Cause::NotShown => {
            ("grants".into(), Vec::new(), "nothing has to be granted".into())
        }
    };
    Explanation {
        cause: denial.cause,
        operation: GuestText::name(&denial.asked).as_str().to_owned(),
        needed,
        held,
        fix,
        count: denial.count,
    }
}
