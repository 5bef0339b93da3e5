//! What the service can run: a language turns code into a job for the executor.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gauntlet_policy::{Policy, Stdin};
use gauntlet_target::Job;
use schemars::JsonSchema;
use serde::Serialize;

use crate::files::RunFiles;

/// A language, as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Language {
    /// What a request names it by.
    pub id: String,
    /// Other names that a request may use.
    pub aliases: Vec<String>,
    /// Its name for people.
    pub name: String,
    /// The version of what runs it; empty where there is none.
    pub version: String,
    /// Whether it can be run now.
    pub available: bool,
    /// Why not, or what to know of it.
    pub note: String,
    /// A program to begin with.
    pub example: String,
}

/// What is to be run.
#[derive(Debug)]
pub struct Program<'a> {
    /// The language's id.
    pub language: &'a str,
    /// The code as it was sent.
    pub code: &'a str,
    /// What the program may read on standard input.
    pub stdin: &'a [u8],
    /// Files that it may read beneath [`FILES`]: relative names of plain parts, and what is in them.
    pub files: &'a [(PathBuf, Vec<u8>)],
    /// A directory of the service's in which directories for such files may be made.
    pub directory: &'a Path,
    /// The policy in force. What the request sends to be read on standard input, and its files, may be granted besides.
    pub policy: &'a Policy,
}

/// Where a program finds the files of its request, read-only.
pub const FILES: &str = "/work";

/// A job, with what has to live as long as its run.
pub struct Prepared {
    /// What is run.
    pub job: Job,
    /// The files that the job names; they are gone when this is dropped.
    pub files: Option<Box<dyn Send>>,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared").field("job", &self.job).finish_non_exhaustive()
    }
}

/// A program that a language cannot make a job of.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LanguageError {
    /// There is no such language.
    #[error("no such language")]
    Unknown,
    /// The language is known and not there: for the client, what is missing.
    #[error("{0}")]
    Unavailable(String),
    /// The code is not what the language takes: for the client, why.
    #[error("{0}")]
    Code(String),
    /// The host failed: for the operator, why.
    #[error("{0}")]
    Host(String),
}

/// Languages that the service offers.
pub trait Languages: Send + Sync {
    /// All of them, those that are not ready too.
    fn list(&self) -> Vec<Language>;

    /// Turns a program into a job. Nothing of it is run or compiled here.
    ///
    /// # Errors
    ///
    /// If the language is not there, or the code is not what it takes.
    fn job(&self, program: &Program<'_>) -> Result<Prepared, LanguageError>;

    /// Whether the language's module is the operator's, the same for everybody: its compiled code is then kept for all tenants together.
    fn shared(&self, language: &str) -> bool;
}

/// Several sets of languages as one. The first that knows a name has it.
#[derive(Default)]
pub struct AllLanguages(Vec<Box<dyn Languages>>);

impl AllLanguages {
    /// With one more set.
    #[must_use]
    pub fn and(mut self, languages: impl Languages + 'static) -> Self {
        self.0.push(Box::new(languages));
        self
    }

    fn of(&self, id: &str) -> Option<&dyn Languages> {
        self.0.iter().find(|set| set.list().iter().any(|language| language.id == id)).map(Box::as_ref)
    }
}

impl Languages for AllLanguages {
    fn list(&self) -> Vec<Language> {
        self.0.iter().flat_map(|set| set.list()).collect()
    }

    fn job(&self, program: &Program<'_>) -> Result<Prepared, LanguageError> {
        self.of(program.language).ok_or(LanguageError::Unknown)?.job(program)
    }

    fn shared(&self, language: &str) -> bool {
        self.of(language).is_some_and(|set| set.shared(language))
    }
}

/// The language of a name or alias.
pub(crate) fn find(languages: &[Language], name: &str) -> Option<Language> {
    languages.iter().find(|language| language.id == name || language.aliases.iter().any(|alias| alias == name)).cloned()
}

/// WebAssembly itself: a preview 1 command or a component, as base64.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wasm;

impl Languages for Wasm {
    fn list(&self) -> Vec<Language> {
        vec![Language {
            id: "wasm".into(),
            aliases: Vec::new(),
            name: "WebAssembly".into(),
            version: String::new(),
            available: true,
            note: "a preview 1 command or a component, its bytes as base64".into(),
            example: EXAMPLE.into(),
        }]
    }

    fn job(&self, program: &Program<'_>) -> Result<Prepared, LanguageError> {
        let code: String = program.code.split_ascii_whitespace().collect();
        let guest = STANDARD.decode(code).map_err(|error| LanguageError::Code(format!("not base64: {error}")))?;
        let mut policy: Policy = program.policy.clone();
        // What the request sends is there to be read.
        policy.grants.stdin.value = Stdin::Inherit;
        let mut files: Option<Box<dyn Send>> = None;
        if !program.files.is_empty() {
            let made = RunFiles::make(program.directory, program.files)
                .map_err(|error| LanguageError::Host(format!("the files of a run could not be written: {error}")))?;
            policy.grants.filesystem.push(made.grant());
            files = Some(Box::new(made));
        }
        let job = Job { guest, policy, stdin: program.stdin.to_vec(), ..Job::default() };
        Ok(Prepared { job, files })
    }

    fn shared(&self, _: &str) -> bool {
        false
    }
}

/// A command that writes `hello`.
const EXAMPLE: &str = include_str!("languages/hello.base64");

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str = r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 16) "hello\n")
        (func (export "_start")
            (i32.store (i32.const 0) (i32.const 16))
            (i32.store (i32.const 4) (i32.const 6))
            (drop (call 0 (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;

    #[test]
    fn the_example_is_what_its_text_says() {
        let bytes = wat::parse_str(HELLO).unwrap();
        assert_eq!(EXAMPLE.trim(), STANDARD.encode(bytes));
    }

    #[test]
    fn code_that_is_no_base64_is_the_clients_fault() {
        let (policy, directory) = (Policy::default(), Path::new("/nowhere"));
        let program =
            Program { language: "wasm", code: "(module)", stdin: &[], files: &[], directory, policy: &policy };
        assert!(matches!(Wasm.job(&program), Err(LanguageError::Code(_))));
        let none = AllLanguages::default().and(Wasm);
        let program = Program { language: "cobol", ..program };
        assert!(matches!(none.job(&program), Err(LanguageError::Unknown)));
    }
}
