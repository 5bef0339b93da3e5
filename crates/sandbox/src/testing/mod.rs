//! For tests of guests and policies: a played file system, a played network, and what a guest has to be denied.
//!
//! ```
//! use gauntlet_sandbox::testing::{MockFiles, Tester};
//! use gauntlet_sandbox::{Access, Guest};
//!
//! let wat = r#"(module
//!   (import "wasi_snapshot_preview1" "path_open"
//!     (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
//!   (memory (export "memory") 1)
//!   (data (i32.const 0) "../secret")
//!   (func (export "_start")
//!     (drop (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 0)
//!       (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 64)))))"#;
//! let guest = Guest::new(wat::parse_str(wat)?);
//! let files = MockFiles::new()?.file("data/in.txt", "hello")?;
//! let seen = Tester::new().files(&files, "data", "/data", Access::ReadOnly).run(&guest)?;
//! seen.expect_violation("denied-path")?;
//! assert_eq!(files.read("data/in.txt")?, b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod files;
mod network;

use std::fmt::Write as _;

use gauntlet_policy::Access;
use gauntlet_record::{Cause, Ending, GuestText, UnknownWord};
use gauntlet_target::{DenialSeen, Outcome, Value};

pub use files::MockFiles;
pub use network::{MockNetwork, MockRequest, MockResponse};

use crate::error::SandboxError;
use crate::guest::Guest;
use crate::placement::Placement;
use crate::sandbox::{Builder, Sandbox};

/// Runs guests in this process under a policy, with played files and a played network.
#[derive(Debug)]
pub struct Tester {
    builder: Builder,
}

impl Default for Tester {
    fn default() -> Self {
        Self::new()
    }
}

impl Tester {
    /// Begins with the strict policy.
    #[must_use]
    pub fn new() -> Self {
        Self::over(Sandbox::builder())
    }

    /// Begins with somebody's own builder, whose guests then run in this process.
    #[must_use]
    pub fn over(builder: Builder) -> Self {
        Self { builder: builder.placement(Placement::Inline) }
    }

    /// Sets whatever the builder sets.
    #[must_use]
    pub fn with(self, set: impl FnOnce(Builder) -> Builder) -> Self {
        Self { builder: set(self.builder).placement(Placement::Inline) }
    }

    /// Grants a directory of a played file system.
    #[must_use]
    pub fn files(self, files: &MockFiles, directory: &str, guest: &str, access: Access) -> Self {
        let host = files.path(directory);
        self.with(|builder| builder.grant_dir(host, guest, access))
    }

    /// Grants the address of a played network.
    #[must_use]
    pub fn network(self, network: &MockNetwork) -> Self {
        let address = network.address().to_string();
        self.with(|builder| builder.grant_connect(address))
    }

    /// Runs a guest's command.
    ///
    /// # Errors
    ///
    /// If the sandbox cannot be built, or the guest could not be run at all.
    pub fn run(self, guest: &Guest) -> Result<Observed, SandboxError> {
        Ok(Observed { outcome: self.builder.build()?.run(guest)? })
    }

    /// Calls one of a guest's functions.
    ///
    /// # Errors
    ///
    /// If the sandbox cannot be built, or the guest could not be run at all.
    pub fn call(self, guest: &Guest, function: &str, arguments: Vec<Value>) -> Result<Observed, SandboxError> {
        Ok(Observed { outcome: self.builder.build()?.call_values(guest, function, arguments)? })
    }
}

/// Something was not seen that should have been, or the other way round.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unexpected {
    /// The word names no cause.
    #[error("no cause is called that")]
    NoSuchCause(#[from] UnknownWord),
    /// The violation did not happen.
    #[error("expected `{expected}`, but the guest {seen}")]
    NotSeen {
        /// The cause that was expected.
        expected: Cause,
        /// What happened instead.
        seen: String,
    },
    /// A violation happened that should not have.
    #[error("expected no violation, but the guest {0}")]
    Violated(String),
    /// The guest wrote something else.
    #[error("expected the output `{expected}`, got `{seen}`")]
    Output {
        /// What was expected.
        expected: String,
        /// What came, escaped and cut.
        seen: String,
    },
}

/// What was seen of a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Observed {
    /// Everything.
    pub outcome: Outcome,
}

impl Observed {
    /// The violation of a cause, by its word: `denied-path`, `limit-memory`, `refused-module`. See [`Cause`] for the closed list.
    ///
    /// # Errors
    ///
    /// If the word is none, or the guest was not stopped for that cause.
    pub fn expect_violation(&self, cause: &str) -> Result<DenialSeen, Unexpected> {
        self.expect(cause.parse()?)
    }

    /// The same, by the cause itself.
    ///
    /// # Errors
    ///
    /// If the guest was not stopped for that cause.
    pub fn expect(&self, cause: Cause) -> Result<DenialSeen, Unexpected> {
        let denials = &self.outcome.denials;
        if let Some(denial) = denials.iter().find(|denial| denial.cause == cause) {
            return Ok(denial.clone());
        }
        let ending = &self.outcome.ending;
        if ending.cause == Some(cause) {
            return Ok(DenialSeen { cause, asked: ending.detail.clone(), limit: None, count: 1 });
        }
        Err(Unexpected::NotSeen { expected: cause, seen: self.said() })
    }

    /// That the guest was denied nothing and ended by itself.
    ///
    /// # Errors
    ///
    /// If it was denied something, trapped, reached a limit, was refused or exited with another code than 0.
    pub fn expect_no_violation(&self) -> Result<(), Unexpected> {
        let ending = &self.outcome.ending;
        let well = match ending.ending {
            Ending::Returned => true,
            Ending::Exited => ending.exit_code == Some(0),
            Ending::Trapped | Ending::LimitReached | Ending::Refused | Ending::WorkerDied => false,
        };
        if well && self.outcome.denials.is_empty() { Ok(()) } else { Err(Unexpected::Violated(self.said())) }
    }

    /// That standard output is exactly this.
    ///
    /// # Errors
    ///
    /// If it is not.
    pub fn expect_output(&self, expected: &str) -> Result<(), Unexpected> {
        if self.outcome.stdout == expected.as_bytes() {
            return Ok(());
        }
        let seen = GuestText::new(&self.outcome.stdout, 512).as_str().to_owned();
        Err(Unexpected::Output { expected: expected.to_owned(), seen })
    }

    /// What happened, in a line.
    fn said(&self) -> String {
        let ending = &self.outcome.ending;
        let mut text = format!("ended as `{}`", ending.ending);
        if let Some(cause) = ending.cause {
            let _ = write!(text, " for `{cause}`");
        }
        if let Some(code) = ending.exit_code {
            let _ = write!(text, " with code {code}");
        }
        if !ending.detail.is_empty() {
            let _ = write!(text, ": {}", GuestText::new(ending.detail.as_bytes(), 256).as_str());
        }
        for denial in &self.outcome.denials {
            let _ = write!(text, "; denied `{}` ({})", GuestText::name(&denial.asked).as_str(), denial.cause);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_are_found_by_their_words_and_their_absence_is_told() {
        let guest = Guest::new(
            wat::parse_str(r#"(module (memory 1) (func (export "f") (result i32) (memory.grow (i32.const 9))))"#)
                .unwrap(),
        );
        let tester = || Tester::new().with(|builder| builder.memory(gauntlet_policy::Bytes::kib(64)));
        let seen = tester().call(&guest, "f", Vec::new()).unwrap();
        assert_eq!(seen.expect_violation("limit-memory").unwrap().limit, Some(64 << 10));
        assert!(matches!(seen.expect_violation("limit-memroy"), Err(Unexpected::NoSuchCause(_))));
        let error = seen.expect_violation("denied-path").unwrap_err();
        assert!(error.to_string().contains("limit-memory"), "{error}");
        assert!(seen.expect_no_violation().is_err());
        let quiet = Guest::new(wat::parse_str(r#"(module (func (export "_start")))"#).unwrap());
        let seen = Tester::new().run(&quiet).unwrap();
        seen.expect_no_violation().unwrap();
        seen.expect_output("").unwrap();
        assert!(seen.expect_output("x").is_err());
    }
}
