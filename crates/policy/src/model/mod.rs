//! The policy as typed values. Every value keeps its place in the file; an absent limit is the strict default.

mod features;
mod grants;
mod limits;
mod values;
pub(crate) mod words;

use serde::{Deserialize, Serialize};

use crate::document::{Span, Spanned};
use crate::extends::Base;

pub(crate) use features::KEYS as FEATURES;
pub use features::{Feature, Features};
pub use grants::{Access, FileGrant, Grants, NetworkGrant, Random, Scope, Stdin, Variable};
pub(crate) use limits::KEYS as LIMITS;
pub use limits::{Limit, Limits};
use words::words;

/// Which modules may run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Modules {
    /// SHA-256 digests, in hex, of the modules that may run; empty allows any.
    pub sha256: Vec<Spanned<String>>,
    /// Keys one of which has to have signed the module; empty asks for none.
    ///
    /// Each is an Ed25519 key, as [`crate::PublicKey`] reads it.
    pub signed_by: Vec<Spanned<String>>,
    /// Whether precompiled bytes are accepted.
    pub precompiled: Spanned<bool>,
    /// Whether compressed bytes are accepted.
    pub compressed: Spanned<bool>,
    /// A file of module digests and engine builds that must not run, read again whenever it changes; none if absent.
    #[serde(default)]
    pub deny_list: Option<Spanned<String>>,
    /// Imports that are denied although their interface is granted.
    pub deny: Vec<Spanned<String>>,
    /// Whether unknown imports are stubbed instead of refused.
    pub unknown_imports: Spanned<bool>,
}

words! {
    /// What a denial does.
    #[derive(Default)]
    OnDenial {
        /// The guest gets an error and goes on.
        #[default]
        Errno = "errno",
        /// The run ends.
        Trap = "trap",
    }
}

words! {
    /// How much a mechanism of confinement is needed.
    Requirement {
        /// Without it nothing runs.
        Required = "required",
        /// Taken where the host has it.
        IfAvailable = "if-available",
        /// Not asked for.
        Off = "off",
    }
}

words! {
    /// Who runs the worker.
    #[derive(Default)]
    User {
        /// An unprivileged user where the system allows the change.
        #[default]
        Unprivileged = "unprivileged",
        /// Whoever runs the tool.
        Caller = "caller",
    }
}

/// The confinement of the process that runs the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Isolation {
    /// A process of its own.
    pub process: Spanned<Requirement>,
    /// A filter on system calls.
    pub seccomp: Spanned<Requirement>,
    /// Landlock rules on files and ports.
    pub landlock: Spanned<Requirement>,
    /// Namespaces.
    pub namespaces: Spanned<Requirement>,
    /// A control group.
    pub cgroup: Spanned<Requirement>,
    /// The user.
    pub user: Spanned<User>,
}

impl Default for Isolation {
    fn default() -> Self {
        let at = |value| Spanned { value, span: Span::default() };
        Self {
            process: at(Requirement::Required),
            seccomp: at(Requirement::Required),
            landlock: at(Requirement::IfAvailable),
            namespaces: at(Requirement::IfAvailable),
            cgroup: at(Requirement::IfAvailable),
            user: Spanned::default(),
        }
    }
}

impl Isolation {
    /// The mechanisms by their keys, in the policy's order.
    #[must_use]
    pub const fn mechanisms(&self) -> [(&'static str, Spanned<Requirement>); 5] {
        [
            ("process", self.process),
            ("seccomp", self.seccomp),
            ("landlock", self.landlock),
            ("namespaces", self.namespaces),
            ("cgroup", self.cgroup),
        ]
    }
}

impl<T: Copy> Copy for Spanned<T> {}

words! {
    /// What errors tell.
    #[derive(Default)]
    Detail {
        /// Nothing of the host.
        #[default]
        Generic = "generic",
        /// Everything.
        Full = "full",
    }
}

/// Where runs are logged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Audit {
    /// The log file, one JSON object a line; none if absent.
    pub log: Option<Spanned<String>>,
}

/// A finding that somebody accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// The rule.
    pub rule: Spanned<String>,
    /// Why it is accepted.
    pub reason: Option<Spanned<String>>,
    /// Who answers for it.
    pub owner: Option<Spanned<String>>,
    /// Until when, as `YYYY-MM-DD`.
    pub expires: Option<Spanned<String>>,
    /// The whole entry.
    pub span: Span,
}

/// Budgets of one tenant over time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PerTenant {
    /// Key and number in the key's base unit, as named.
    pub named: Vec<(Spanned<String>, u64)>,
}

/// A policy: what a guest may use, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Policy {
    /// How messages call the file.
    pub name: String,
    /// The text that was read.
    pub text: String,
    /// Limits.
    pub limits: Limits,
    /// Grants.
    pub grants: Grants,
    /// Proposals.
    pub features: Features,
    /// Modules.
    pub modules: Modules,
    /// What a denial does.
    pub on_denial: Spanned<OnDenial>,
    /// Confinement.
    pub isolation: Isolation,
    /// What errors tell.
    pub errors: Spanned<Detail>,
    /// Logging.
    pub audit: Audit,
    /// Accepted findings.
    pub waivers: Vec<Waiver>,
    /// A virtual clock and seeded random numbers.
    pub deterministic: Spanned<bool>,
    /// Budgets a tenant.
    pub per_tenant: PerTenant,
    /// Where sections stand, by key: `limits`, `grants`, `grants.filesystem`, ... A finding about something missing points here.
    pub sections: Vec<(String, Span)>,
    /// What it extends, the nearest first. Values that come from there stand, for findings, at the file's own `extends`.
    #[serde(default)]
    pub bases: Vec<Base>,
}

impl Policy {
    /// Where a section's key stands; the first character of the file if the section is missing.
    #[must_use]
    pub fn section(&self, key: &str) -> Span {
        let found = |key: &str| self.sections.iter().find(|(name, _)| name == key).map(|(_, span)| *span);
        let parent = key.rsplit_once('.').map_or("version", |(parent, _)| parent);
        found(key).or_else(|| found(parent)).or_else(|| found("version")).unwrap_or_else(|| Span::of(&self.text, 0, 1))
    }

    /// SHA-256 in hex: of the text; with `extends`, of the text and the digests of what it extends, a line each, so that a base that
    /// changes changes the policy.
    #[must_use]
    pub fn sha256(&self) -> String {
        if self.bases.is_empty() {
            return gauntlet_record::digest(self.text.as_bytes());
        }
        let texts = std::iter::once(&self.text).chain(self.bases.iter().map(|base| &base.text));
        let digests: Vec<String> = texts.map(|text| gauntlet_record::digest(text.as_bytes())).collect();
        gauntlet_record::digest(digests.join("\n").as_bytes())
    }
}
