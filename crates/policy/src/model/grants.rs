//! What a guest is handed.

use serde::{Deserialize, Serialize};

use super::words::words;
use crate::document::{Span, Spanned};
use crate::quantity::Nanos;

words! {
    /// How a guest may use a directory.
    Access {
        /// Read only.
        ReadOnly = "read-only",
        /// Read and write.
        ReadWrite = "read-write",
        /// A directory of its own that is gone afterwards.
        Scratch = "scratch",
    }
}

/// A directory that the guest gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileGrant {
    /// The host's directory; empty for scratch.
    pub host: Spanned<String>,
    /// The guest's name for it; the host's path if the policy gives none.
    pub guest: Spanned<String>,
    /// Whether the policy gives the guest's name.
    pub guest_named: bool,
    /// How it may be used.
    pub access: Spanned<Access>,
    /// Why it is needed.
    pub reason: Option<Spanned<String>>,
    /// The whole entry.
    pub span: Span,
}

words! {
    /// What a network grant allows.
    Scope {
        /// Connecting to an address.
        Connect = "connect",
        /// Listening on an address.
        Listen = "listen",
        /// Looking a name up.
        Resolve = "resolve",
    }
}

/// An address that the guest may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkGrant {
    /// What it allows.
    pub scope: Scope,
    /// `host:port`, a name, or `*`.
    pub address: Spanned<String>,
    /// Why it is needed.
    pub reason: Option<Spanned<String>>,
    /// The whole entry.
    pub span: Span,
}

/// An environment variable that the guest gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name.
    pub name: Spanned<String>,
    /// Its value.
    pub value: Spanned<String>,
}

words! {
    /// What the guest reads on standard input.
    #[derive(Default)]
    Stdin {
        /// Nothing.
        #[default]
        Closed = "closed",
        /// What the executor was given.
        Inherit = "inherit",
    }
}

words! {
    /// Where the guest's random numbers come from.
    #[derive(Default)]
    Random {
        /// The system.
        #[default]
        System = "system",
        /// A seed: for tests.
        Seeded = "seeded",
    }
}

/// What the guest is handed. Closed by default: an absent grant is denied.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Grants {
    /// Directories.
    pub filesystem: Vec<FileGrant>,
    /// Addresses.
    pub network: Vec<NetworkGrant>,
    /// Environment variables; nothing is inherited.
    pub environment: Vec<Variable>,
    /// Command line arguments.
    pub arguments: Vec<Spanned<String>>,
    /// Standard input.
    pub stdin: Spanned<Stdin>,
    /// Resolution of the clocks. Default: 1 ms.
    pub clock_resolution: Option<Spanned<Nanos>>,
    /// Random numbers.
    pub random: Spanned<Random>,
    /// The seed of seeded random numbers. Default: one that the executor's documentation names.
    #[serde(default)]
    pub random_seed: Option<Spanned<u64>>,
}
