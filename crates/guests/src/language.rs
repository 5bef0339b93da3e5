//! Languages: what there is of each, as `languages/<id>.yaml` says.

use serde::Serialize;

/// How a language's programs become guests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// A guest reads the program and runs it.
    Interpreter,
    /// A confined compiler on this host makes a guest of it.
    Compiler,
    /// It is a guest already, or becomes one by assembling its text.
    Wasm,
}

/// A language, and whether its programs can be run now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Language {
    /// Its id: `python`.
    pub id: String,
    /// Its name: `Python`.
    pub name: String,
    /// Other ids: `py`.
    pub aliases: Vec<String>,
    /// Extensions of its files, without the dot.
    pub extensions: Vec<String>,
    /// How its programs become guests.
    pub kind: Kind,
    /// The version of the interpreter or compiler; none while it is not built.
    pub version: Option<String>,
    /// SHA-256 of the interpreter's component, or of the compiler's files; none while it is not built.
    pub digest: Option<String>,
    /// Whether its programs can be run now.
    pub ready: bool,
    /// What makes it ready, or why nothing can: for a person.
    pub hint: String,
}

/// No language goes by this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no language `{asked}`; there are: {}", .known.join(", "))]
pub struct UnknownLanguage {
    /// What was asked for.
    pub asked: String,
    /// The ids that there are.
    pub known: Vec<String>,
}
