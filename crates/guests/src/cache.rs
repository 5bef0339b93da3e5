//! Guests that were built, in a directory of the user's, and jobs made with them.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use gauntlet_policy::{Access, FileGrant, Policy, Span, Spanned, Stdin};
use gauntlet_target::Job;

use crate::compile;
use crate::language::{self, Kind, Language, Recipe, UnknownLanguage};
use crate::manifest::Manifest;
use crate::source::{FILES, Prepared, Source, assembled, framed, name, placed};

/// Most bytes of a program.
const MAX_CODE: usize = 16 << 20;

/// The languages, and what was built of them. Cheap to clone; clones share the guests that were read.
#[derive(Debug, Clone)]
pub struct Guests {
    cache: PathBuf,
    launcher: Option<PathBuf>,
    languages: Vec<Known>,
    /// Interpreters that were read and checked, by language.
    read: Arc<Mutex<BTreeMap<String, Arc<Vec<u8>>>>>,
    /// Compilers whose files were checked.
    checked: Arc<Mutex<Vec<String>>>,
}

/// A language, with what was found of it. The user's own compiler is looked for when somebody asks: it has to be run for that.
#[derive(Debug, Clone)]
struct Known {
    recipe: Recipe,
    found: OnceLock<Language>,
}

impl Known {
    fn unbuilt(recipe: Recipe) -> Self {
        Self { recipe, found: OnceLock::new() }
    }

    fn language(&self) -> &Language {
        self.found.get_or_init(|| unbuilt(&self.recipe))
    }
}

impl Guests {
    /// Looks at what was built in a cache directory, which need not be there. The digests of what is used are checked at its first use.
    ///
    /// # Errors
    ///
    /// If a manifest cannot be read: [`GuestsError::Corrupt`].
    pub fn open(cache: impl Into<PathBuf>) -> Result<Self, GuestsError> {
        let cache = cache.into();
        let languages = language::recipes().into_iter().map(|recipe| look(&cache, recipe)).collect::<Result<_, _>>()?;
        Ok(Self { cache, launcher: None, languages, read: Arc::default(), checked: Arc::default() })
    }

    /// The same where nothing was built: for building, which does not mind what is corrupt.
    #[must_use]
    pub fn closed(cache: impl Into<PathBuf>) -> Self {
        let languages = language::recipes().into_iter().map(Known::unbuilt).collect();
        Self { cache: cache.into(), launcher: None, languages, read: Arc::default(), checked: Arc::default() }
    }

    /// Confines compilers by another executable of Gauntlet. Default: this executable, which then has to be one.
    #[must_use]
    pub fn launcher(mut self, program: impl Into<PathBuf>) -> Self {
        self.launcher = Some(program.into());
        self
    }

    /// The cache directory.
    #[must_use]
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// Where compiled code of these guests is kept: for the cache of the sandbox's pool.
    #[must_use]
    pub fn compiled(&self) -> PathBuf {
        self.cache.join("compiled")
    }

    /// Where a language lies.
    pub(crate) fn folder(&self, id: &str) -> PathBuf {
        self.cache.join(id)
    }

    /// Every language, whether it can be used now or not.
    #[must_use]
    pub fn languages(&self) -> Vec<&Language> {
        self.languages.iter().map(Known::language).collect()
    }

    /// A language by its id or one of its aliases, in any case.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn language(&self, name: &str) -> Result<&Language, UnknownLanguage> {
        let known = || self.languages.iter().map(|known| known.recipe.id.clone()).collect();
        let found = self.languages.iter().find(|known| known.recipe.is_called(name));
        found
            .map(Known::language)
            .ok_or_else(|| UnknownLanguage { asked: name.chars().take(64).collect(), known: known() })
    }

    /// The language of a file, by its extension.
    #[must_use]
    pub fn language_of(&self, file: &Path) -> Option<&Language> {
        let extension = file.extension()?.to_str()?.to_ascii_lowercase();
        self.languages.iter().find(|known| known.recipe.extensions.contains(&extension)).map(Known::language)
    }

    /// The job of a program under a policy: a guest, and what it is given. Of an interpreted language the guest is the interpreter, which
    /// gets the program ahead of its standard input; of a compiled one the program is compiled here, confined, which takes a second or so.
    ///
    /// # Errors
    ///
    /// If the language is unknown or not built, what was built is corrupt, the program does not compile or cannot be given what it wants.
    pub fn job(&self, language: &str, source: &Source, policy: &Policy) -> Result<Prepared, GuestsError> {
        let language = self.language(language)?;
        if source.code.len() > MAX_CODE {
            return Err(GuestsError::Unfit(format!(
                "a program is at most {MAX_CODE} bytes, this one is {}",
                source.code.len()
            )));
        }
        if policy.grants.stdin.value == Stdin::Closed && !source.stdin.is_empty() {
            return Err(GuestsError::Unfit("the policy closes standard input: it says `stdin: closed`".to_owned()));
        }
        if let Some(argument) = source.arguments.iter().find(|argument| argument.contains('\0')) {
            return Err(GuestsError::Unfit(format!("an argument with a zero byte: {argument:?}")));
        }
        let name = name(source, language)?;
        let mut policy = policy.clone();
        let here = |text: &str| Spanned { value: text.to_owned(), span: Span::default() };
        policy.grants.arguments.extend(source.arguments.iter().map(|argument| here(argument)));
        let files = placed(&source.files)?;
        if let Some(folder) = &files {
            policy.grants.filesystem.push(FileGrant {
                host: here(&folder.path().display().to_string()),
                guest: here(FILES),
                guest_named: true,
                access: Spanned { value: Access::ReadOnly, span: Span::default() },
                reason: None,
                span: Span::default(),
            });
        }
        let (guest, stdin) = match language.kind {
            Kind::Interpreter => {
                let guest = self.interpreter(language)?;
                policy.grants.stdin.value = Stdin::Inherit;
                (guest.as_ref().clone(), framed(&name, source))
            }
            Kind::Compiler => (self.compile(language, source)?, source.stdin.clone()),
            Kind::Wasm => (assembled(&source.code, &name)?, source.stdin.clone()),
        };
        Ok(Prepared { job: Job { guest, stdin, policy, ..Job::default() }, files })
    }

    /// An interpreter's bytes, read and checked once.
    fn interpreter(&self, language: &Language) -> Result<Arc<Vec<u8>>, GuestsError> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(guest) = read.get(&language.id) {
            return Ok(Arc::clone(guest));
        }
        let (manifest, folder) = self.built(language)?;
        let guest = Arc::new(manifest.guest(&folder).map_err(|why| corrupt(&language.id, why))?);
        read.insert(language.id.clone(), Arc::clone(&guest));
        Ok(guest)
    }

    fn compile(&self, language: &Language, source: &Source) -> Result<Vec<u8>, GuestsError> {
        let launcher = match &self.launcher {
            Some(program) => program.clone(),
            None => std::env::current_exe()
                .map_err(|source| GuestsError::Io { what: "cannot find this executable".to_owned(), source })?,
        };
        if language.packages.is_empty() {
            let Some(rust) = compile::Rust::find() else {
                return Err(GuestsError::NotBuilt { language: language.id.clone(), command: language.hint.clone() });
            };
            return compile::rust(&rust, &launcher, &source.code);
        }
        let (manifest, folder) = self.built(language)?;
        {
            let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
            if !checked.contains(&language.id) {
                manifest.check(&folder).map_err(|why| corrupt(&language.id, why))?;
                checked.push(language.id.clone());
            }
        }
        compile::c(&folder, &launcher, &source.code)
    }

    fn built(&self, language: &Language) -> Result<(Manifest, PathBuf), GuestsError> {
        let folder = self.folder(&language.id);
        match Manifest::read(&folder, &language.id).map_err(|why| corrupt(&language.id, why))? {
            Some(manifest) if language.ready => Ok((manifest, folder)),
            _ => Err(GuestsError::NotBuilt { language: language.id.clone(), command: language.hint.clone() }),
        }
    }
}

/// A language, with what lies in the cache of it.
fn look(cache: &Path, recipe: Recipe) -> Result<Known, GuestsError> {
    if recipe.build.is_empty() {
        return Ok(Known::unbuilt(recipe));
    }
    let mut language = unbuilt(&recipe);
    let manifest = Manifest::read(&cache.join(&recipe.id), &recipe.id).map_err(|why| corrupt(&recipe.id, why))?;
    // A guest of another recipe is not what this version would run.
    if let Some(manifest) = manifest.filter(|manifest| manifest.recipe == recipe.digest) {
        language.digest = Some(manifest.digest());
        language.version = Some(manifest.version);
        language.ready = true;
        language.hint = String::new();
    }
    Ok(Known { recipe, found: OnceLock::from(language) })
}

fn unbuilt(recipe: &Recipe) -> Language {
    let (version, ready, hint) = match (recipe.kind, recipe.build.is_empty()) {
        (Kind::Wasm, _) => (Some(recipe.version.clone()), true, String::new()),
        (Kind::Interpreter | Kind::Compiler, false) => (None, false, command(&recipe.id)),
        (Kind::Interpreter | Kind::Compiler, true) => match compile::Rust::find() {
            Some(rust) => (Some(rust.version), true, String::new()),
            None => (None, false, compile::Rust::hint()),
        },
    };
    Language {
        id: recipe.id.clone(),
        name: recipe.name.clone(),
        aliases: recipe.aliases.clone(),
        extensions: recipe.extensions.clone(),
        kind: recipe.kind,
        version,
        digest: None,
        ready,
        hint,
        packages: recipe.packages.clone(),
        licences: recipe.licences.clone(),
    }
}

fn command(id: &str) -> String {
    format!("gauntlet guests build {id}")
}

fn corrupt(id: &str, why: String) -> GuestsError {
    GuestsError::Corrupt { language: id.to_owned(), why, command: command(id) }
}

/// The directory that guests are built into where nothing else is said: `gauntlet/guests` beneath `XDG_CACHE_HOME` or `~/.cache`; of root
/// `/var/cache/gauntlet/guests`, since root's home is closed to the workers, which do not run as root.
#[must_use]
pub fn default_cache() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(cache) = absolute("XDG_CACHE_HOME") {
        return Some(cache.join("gauntlet/guests"));
    }
    if rustix::process::geteuid().is_root() {
        return Some("/var/cache/gauntlet/guests".into());
    }
    absolute("HOME").map(|home| home.join(".cache/gauntlet/guests"))
}

/// A program cannot become a job.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuestsError {
    /// No language goes by this name.
    #[error(transparent)]
    UnknownLanguage(#[from] UnknownLanguage),
    /// The language is known and cannot be used yet.
    #[error("`{language}` is not here yet; get it with: {command}")]
    NotBuilt {
        /// Its id.
        language: String,
        /// The command that makes it usable.
        command: String,
    },
    /// What lies in the cache is not what was built.
    #[error("the guest for `{language}` is corrupt ({why}); build it again with: {command}")]
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
    /// The compiler reached a limit of its confinement.
    #[error("compiling reached its limit: {limit}")]
    CompileLimit {
        /// Which.
        limit: String,
    },
    /// This host cannot confine a compiler, so none was started.
    #[error("the compiler cannot be confined: {0}")]
    Unconfined(String),
    /// The program cannot be given what it wants, or is not what it has to be.
    #[error("{0}")]
    Unfit(String),
    /// The system failed us.
    #[error("{what}")]
    Io {
        /// What we tried.
        what: String,
        /// What the system answered.
        source: io::Error,
    },
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::manifest;
    use crate::source::{MAX_NAME, MAX_PATH, MAX_TEXT, SourceFile};

    const GUEST: &[u8] = b"\0asm a guest";

    /// A cache in which Python was built, from this recipe or another.
    fn built(recipe: Option<&str>) -> tempfile::TempDir {
        let cache = tempfile::tempdir().unwrap();
        let folder = cache.path().join("python");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(manifest::GUEST), GUEST).unwrap();
        let recipes = language::recipes();
        let own = recipes.iter().find(|recipe| recipe.id == "python").unwrap();
        let mut manifest = Manifest::new("python", "3", recipe.unwrap_or(&own.digest));
        manifest.files = manifest::list(&folder).unwrap();
        fs::write(folder.join(manifest::FILE), serde_json::to_vec(&manifest).unwrap()).unwrap();
        cache
    }

    fn policy(text: &str) -> Policy {
        Policy::parse("t", &format!("version: 1\n{text}")).unwrap()
    }

    #[test]
    fn a_language_goes_by_its_id_and_its_aliases() {
        let guests = Guests::closed("/nowhere");
        for (name, id) in
            [("python", "python"), ("PY", "python"), ("js", "javascript"), ("wat", "wasm"), ("rs", "rust")]
        {
            assert_eq!(guests.language(name).unwrap().id, id);
        }
        let unknown = guests.language("cobol").unwrap_err();
        assert_eq!(unknown.known, ["c", "javascript", "python", "rust", "wasm"]);
        assert!(unknown.to_string().contains("javascript"));
        assert_eq!(guests.language_of(Path::new("a/b.PY")).unwrap().id, "python");
        assert!(guests.language_of(Path::new("a/b.cob")).is_none() && guests.language_of(Path::new("py")).is_none());
    }

    #[test]
    fn a_script_goes_ahead_of_its_standard_input() {
        let cache = built(None);
        let guests = Guests::open(cache.path()).unwrap();
        assert!(guests.language("py").unwrap().ready);
        let mut source = Source::new("print(1)\n");
        source.stdin = b"input".to_vec();
        source.arguments = vec!["--first".into()];
        let open = policy("grants: { stdin: inherit, arguments: [own] }\n");
        let prepared = guests.job("py", &source, &open).unwrap();
        assert_eq!(prepared.job.guest, GUEST);
        assert_eq!(prepared.job.stdin, b"9 9\nscript.pyprint(1)\ninput");
        let arguments: Vec<&str> = prepared.job.policy.grants.arguments.iter().map(|it| it.value.as_str()).collect();
        assert_eq!(arguments, ["own", "--first"]);
        let closed = guests.job("py", &source, &policy("")).unwrap_err();
        assert!(matches!(closed, GuestsError::Unfit(why) if why.contains("stdin: closed")));
        source.stdin.clear();
        let prepared = guests.job("py", &source, &policy("")).unwrap();
        assert_eq!(prepared.job.policy.grants.stdin.value, Stdin::Inherit, "it is how the script gets there");
        assert!(prepared.folder().is_none());
    }

    #[test]
    fn files_are_granted_for_reading_and_gone_afterwards() {
        let cache = built(None);
        let guests = Guests::open(cache.path()).unwrap();
        let mut source = Source::new("");
        let file = |path: &str| SourceFile { path: path.into(), bytes: b"text".to_vec() };
        source.files = vec![file("a.txt"), file("b/c.txt")];
        let prepared = guests.job("python", &source, &policy("")).unwrap();
        let grant = prepared.job.policy.grants.filesystem.last().unwrap();
        assert_eq!((grant.guest.value.as_str(), grant.access.value), (FILES, Access::ReadOnly));
        let folder = prepared.folder().unwrap().to_owned();
        assert_eq!(fs::read(folder.join("b/c.txt")).unwrap(), b"text");
        drop(prepared);
        assert!(!folder.exists());
        for path in ["", "/etc/passwd", "../a", "a/../../b", "./a", "a\nb", &"x".repeat(MAX_PATH + 1)] {
            source.files = vec![file(path)];
            assert!(matches!(guests.job("python", &source, &policy("")), Err(GuestsError::Unfit(_))), "{path:?}");
        }
        for twice in [["a", "a"], ["a", "a/b"]] {
            source.files = twice.map(file).to_vec();
            assert!(guests.job("python", &source, &policy("")).is_err(), "{twice:?}");
        }
    }

    #[test]
    fn what_is_not_built_says_how_and_what_is_corrupt_says_so() {
        let none = tempfile::tempdir().unwrap();
        let guests = Guests::open(none.path()).unwrap();
        let error = guests.job("python", &Source::default(), &policy("")).unwrap_err();
        assert!(matches!(&error, GuestsError::NotBuilt { command, .. } if command == "gauntlet guests build python"));
        // One that another version has built is not ours to run.
        let old = built(Some("another"));
        let guests = Guests::open(old.path()).unwrap();
        assert!(matches!(guests.job("python", &Source::default(), &policy("")), Err(GuestsError::NotBuilt { .. })));
        let changed = built(None);
        let guests = Guests::open(changed.path()).unwrap();
        fs::write(changed.path().join("python/guest.wasm"), b"\0asm another").unwrap();
        assert!(matches!(guests.job("python", &Source::default(), &policy("")), Err(GuestsError::Corrupt { .. })));
        fs::write(changed.path().join("python/manifest.json"), b"{").unwrap();
        assert!(matches!(Guests::open(changed.path()), Err(GuestsError::Corrupt { .. })));
    }

    #[test]
    fn a_program_that_cannot_be_meant_is_refused() {
        let cache = built(None);
        let guests = Guests::open(cache.path()).unwrap();
        let job = |source: &Source| guests.job("python", source, &policy(""));
        for name in ["", "a/b.py", "a\u{1b}[2J.py", "a\n.py", &"x".repeat(MAX_NAME + 1)] {
            let source = Source { name: Some(name.to_owned()), ..Source::default() };
            assert!(matches!(job(&source), Err(GuestsError::Unfit(_))), "{name:?}");
        }
        let source = Source { arguments: vec!["a\0b".into()], ..Source::default() };
        assert!(matches!(job(&source), Err(GuestsError::Unfit(_))));
        assert!(matches!(job(&Source::new(vec![b'#'; MAX_CODE + 1])), Err(GuestsError::Unfit(_))));
    }

    #[test]
    fn text_is_assembled_and_binary_is_left_as_it_is() {
        let guests = Guests::closed("/nowhere");
        let job = |code: &[u8]| guests.job("wat", &Source::new(code), &policy(""));
        assert!(job(b"(module)").unwrap().job.guest.starts_with(b"\0asm"));
        assert_eq!(job(b"\0asm whatever").unwrap().job.guest, b"\0asm whatever");
        for text in [&b"(module"[..], b"\xff\xfe", b"print(1)"] {
            let error = job(text).unwrap_err();
            assert!(matches!(&error, GuestsError::DoesNotCompile { messages } if !messages.is_empty()), "{error:?}");
        }
        assert!(matches!(job(&vec![b' '; MAX_TEXT + 1]), Err(GuestsError::Unfit(_))));
    }
}
