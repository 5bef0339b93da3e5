//! What is to be run in a language, and the job that it becomes.

use gauntlet_target::Job;
use tempfile::TempDir;

/// A program in a language, with what it is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Source {
    /// The program's text; UTF-8 in every language but WebAssembly, which may be binary.
    pub code: Vec<u8>,
    /// What it is called in error messages, without folders. Default: `script` with the language's extension.
    pub name: Option<String>,
    /// What it reads on standard input. Needs a policy with `stdin: inherit` unless it is empty.
    pub stdin: Vec<u8>,
    /// Its arguments, without its own name; they go behind those of the policy.
    pub arguments: Vec<String>,
    /// Files that it may read, beneath [`FILES`].
    pub files: Vec<SourceFile>,
}

/// A file that a program may read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path beneath [`FILES`]: relative, of plain names, without `..`.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Where a program finds its files. Scripts begin there, so that plain names find them, too.
pub const FILES: &str = "/work";

impl Source {
    /// A program that is given nothing.
    #[must_use]
    pub fn new(code: impl Into<Vec<u8>>) -> Self {
        Self { code: code.into(), ..Self::default() }
    }
}

/// A job, and the files that it names. They are gone when this is dropped, so it has to outlive the run.
#[derive(Debug)]
#[non_exhaustive]
pub struct Prepared {
    /// For a target.
    pub job: Job,
    /// The folder of [`Source::files`].
    pub(crate) files: Option<TempDir>,
}

impl Prepared {
    /// The host's folder with [`Source::files`], if there are any.
    #[must_use]
    pub fn folder(&self) -> Option<&std::path::Path> {
        self.files.as_ref().map(TempDir::path)
    }
}
