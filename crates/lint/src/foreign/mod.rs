//! Policies that people already have, of other hosts: each format is read into our own typed grants, with places in the original file, so
//! that the same rules judge it.
//!
//! A format is known by its content, never by its name alone. What its host is known not to hold is listed in `data/not-enforced.yaml` and
//! found by the rule `grant-not-enforceable`. A value that a host needs to start at all is the host's own business: what it would refuse
//! is not judged here, only what it would run.
//!
//! ```
//! use gauntlet_lint::{Options, foreign};
//!
//! let text = "version: \"1.0\"\npermissions:\n  storage:\n    allow: [{ uri: \"fs:///\", access: [read] }]\n";
//! let kind = foreign::recognise(text).expect("a format we know");
//! assert_eq!(kind, foreign::Kind::Wassette);
//! let policy = foreign::read(kind, "policy.yaml", text).expect("a sound file");
//! let findings = foreign::lint_all(&policy, &Options::default()).findings;
//! assert!(findings.iter().any(|finding| finding.rule == "grant-root" && finding.location.line == 4));
//! ```

mod addresses;
mod extism;
mod import;
mod kind;
mod locate;
mod not_enforced;
mod part;
mod recognise;
mod shell;
mod spin;
mod toml;
mod wasmtime;
mod wassette;

use gauntlet_policy::Fault;
use gauntlet_policy::document::{self, Node};
use gauntlet_record::Finding;

use crate::rule::{Findings, Input};
use crate::{Linted, Options, rules};

pub use import::{Imported, import};
pub use kind::Kind;
pub use not_enforced::{NotEnforced, not_enforced};
pub(crate) use part::Remark;
pub use part::{Left, Part};
pub use recognise::recognise;

/// Deepest nesting of a file, as in our own.
const MAX_DEPTH: usize = 32;
/// Most values or words of a file, as in our own.
const MAX_NODES: usize = 20_000;
/// Most faults of one file that are listed.
const MOST_FAULTS: usize = 20;

/// A policy of another host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// Its format.
    pub kind: Kind,
    /// How messages call the file.
    pub name: String,
    /// The text that was read.
    pub text: String,
    /// One for each guest that the file is about: a component, a command.
    pub parts: Vec<Part>,
}

/// Reads a text in a format. `name` is how messages call the file.
///
/// # Errors
///
/// All structural faults that can be found in one pass, with their places, as for our own policies.
pub fn read(kind: Kind, name: &str, text: &str) -> Result<Foreign, Vec<Fault>> {
    let parts = match kind {
        Kind::Wassette => wassette::read(&document::parse(text)?),
        Kind::Spin => spin::read(&toml::parse(text)?),
        Kind::Extism => extism::read(&if is_json(text) { document::parse(text)? } else { toml::parse(text)? }),
        Kind::WasmtimeCommand => wasmtime::command::read(text),
        Kind::WasmtimeConfig => wasmtime::config::read(&toml::parse(text)?),
    }?;
    Ok(Foreign { kind, name: name.to_owned(), text: text.to_owned(), parts })
}

/// Holds a policy of another host against the rules that make sense for its format. Nothing is waived: these formats have no waivers.
///
/// Rules that look at this host are left out, since the paths are those of another one.
#[must_use]
pub fn lint_all(foreign: &Foreign, options: &Options) -> Linted {
    let mut found: Vec<Finding> = Vec::new();
    let mut text = foreign.text.clone();
    for part in &foreign.parts {
        let mut policy = part.policy.clone();
        policy.name.clone_from(&foreign.name);
        policy.text = text;
        for rule in rules::RULES.iter().copied() {
            if rule.input == Input::Policy && foreign.kind.takes(rule) {
                let mut findings = Findings::new(&policy, rule, options).of_host(&part.remarks);
                (rule.check)(&policy, &mut findings);
                found.append(&mut findings.into_inner());
            }
        }
        text = policy.text;
    }
    for finding in &mut found {
        foreign.kind.translate(finding);
    }
    crate::sort(&mut found);
    // Two components may share what one line says.
    found.dedup();
    kind::drop_superseded(&mut found);
    Linted { findings: found, waived: Vec::new() }
}

/// The keys and values of a text in whatever format it is; `None` if it has none. For showing lines without secrets, and for fingerprints.
pub(crate) fn tree(text: &str) -> Option<Node> {
    match recognise(text) {
        Some(Kind::Spin | Kind::WasmtimeConfig) => toml::parse(text).ok(),
        Some(Kind::Extism) if !is_json(text) => toml::parse(text).ok(),
        Some(Kind::WasmtimeCommand) => Some(wasmtime::command::tree(text)),
        Some(Kind::Wassette | Kind::Extism) | None => document::parse(text).ok(),
    }
}

/// JSON is read by the reader of YAML, of which it is a part: duplicate keys, depth and size are held there.
fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}
