//! A list of module digests and engine builds that must not run, in force from the moment it changes.
//!
//! It is asked twice in each run: when the bytes have been read, and again right before the guest begins, so that what was compiled
//! earlier, kept in a cache or given to a worker that waits is not run either. Clones of the `Arc` share one list.
//!
//! ```
//! use gauntlet_sandbox::DenyList;
//!
//! let list = DenyList::new();
//! let digest = "0".repeat(64);
//! assert!(list.check(&digest, "wasmtime 48.0.8").is_ok());
//! list.deny_module(&digest, "reported by a customer")?;
//! list.deny_engine("wasmtime 47.x", "out of support")?;
//! assert!(list.check(&digest, "wasmtime 48.0.8").is_err());
//! # Ok::<(), gauntlet_sandbox::DenyListError>(())
//! ```
//!
//! A file has one entry a line; what follows a `#` is a comment, and kept as the reason:
//!
//! ```text
//! sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08   # crypto miner
//! engine:wasmtime 48.0.x                                                    # until the advisory is answered
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gauntlet_policy::Policy;
use gauntlet_record::Cause;
use gauntlet_target::Outcome;

use crate::Protections;

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 16 << 20;
/// Longest reason that is kept, in characters.
const MAX_REASON: usize = 200;

/// What must not run.
#[derive(Debug, Default)]
pub struct DenyList {
    path: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    own: Entries,
    file: Entries,
    /// Which version of the file the entries were read from.
    version: Option<Version>,
}

/// What tells one version of a file from the next: device, inode, length, time of change in nanoseconds.
type Version = (u64, u64, u64, i64, i64);

#[derive(Debug, Default, Clone)]
struct Entries {
    /// Digests in lower-case hex, and why.
    modules: BTreeMap<String, String>,
    /// Engines, as `name version` with a last `.x` for every version that begins so, and why.
    engines: BTreeMap<String, String>,
}

/// Why something must not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// The module is on the list.
    #[error("the module {digest} is on the deny list: {reason}")]
    Module {
        /// Its SHA-256, in hex.
        digest: String,
        /// The reason that the list gives.
        reason: String,
    },
    /// The engine is on the list.
    #[error("the engine {engine} is on the deny list, as {entry}: {reason}")]
    Engine {
        /// Its name and version.
        engine: String,
        /// The entry that covers it.
        entry: String,
        /// The reason that the list gives.
        reason: String,
    },
    /// The list cannot be read, so nothing runs.
    #[error("the deny list cannot be read, and nothing runs without it: {why}")]
    Unreadable {
        /// What is wrong with it.
        why: String,
    },
}

impl Denied {
    /// The outcome of a run that was denied.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        Outcome::refused(Cause::RefusedModule, self.to_string())
    }
}

/// An entry, or a file of them, that cannot be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DenyListError {
    /// Not `sha256:` with 64 hex digits and not `engine:` with a name and a version.
    #[error("{place}`{entry}` is neither `sha256:` and 64 hex digits nor `engine:` and a name with a version")]
    Entry {
        /// Where it stands: `line 3: `, or nothing.
        place: String,
        /// What was given, cut.
        entry: String,
    },
    /// The file is too large, or not text.
    #[error("`{path}` is not a list of entries: {why}")]
    Format {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: &'static str,
    },
    /// The file cannot be read.
    #[error("`{path}` cannot be read")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
}

impl DenyList {
    /// An empty list in memory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The list in a file. It is read again whenever the file has changed; while it cannot be read, nothing may run.
    ///
    /// # Errors
    ///
    /// If the file cannot be read now, or has a line that is no entry.
    pub fn from_file(path: impl Into<PathBuf>) -> Result<Self, DenyListError> {
        let path = path.into();
        let (file, version) = read(&path)?;
        let state = State { own: Entries::default(), file, version: Some(version) };
        Ok(Self { path: Some(path), state: Mutex::new(state) })
    }

    /// The list in a file, which is read when it is first asked. While it cannot be read, nothing may run.
    #[must_use]
    pub fn watching(path: impl Into<PathBuf>) -> Self {
        Self { path: Some(path.into()), state: Mutex::default() }
    }

    /// Denies a module from now on, by its SHA-256 in hex.
    ///
    /// # Errors
    ///
    /// If it is no digest.
    pub fn deny_module(&self, digest: &str, reason: &str) -> Result<(), DenyListError> {
        let (digest, reason) = (digest.to_lowercase(), cut(reason));
        if !is_digest(&digest) {
            return Err(not_an_entry("", &digest));
        }
        self.lock().own.modules.insert(digest, reason);
        Ok(())
    }

    /// Denies an engine from now on, by name and version: `wasmtime 48.0.8`, or `wasmtime 48.0.x` for all that begin so.
    ///
    /// # Errors
    ///
    /// If it is not a name and a version.
    pub fn deny_engine(&self, engine: &str, reason: &str) -> Result<(), DenyListError> {
        let engine = engine_entry(engine).ok_or_else(|| not_an_entry("", engine))?;
        self.lock().own.engines.insert(engine, cut(reason));
        Ok(())
    }

    /// Whether a module may run on an engine, as the list stands now. `digest` is the SHA-256 of the module's own bytes in lower-case hex;
    /// `engine` its name and version, for example `wasmtime 48.0.8`.
    ///
    /// Costs one `stat` of the file, if there is one.
    ///
    /// # Errors
    ///
    /// If one of them is on the list, or the list's file can no longer be read.
    pub fn check(&self, digest: &str, engine: &str) -> Result<(), Denied> {
        let mut state = self.lock();
        if let Some(path) = &self.path {
            refresh(path, &mut state)
                .map_err(|error| Denied::Unreadable { why: gauntlet_target::error_chain(&error) })?;
        }
        for entries in [&state.own, &state.file] {
            if let Some(reason) = entries.modules.get(digest) {
                return Err(Denied::Module { digest: digest.to_owned(), reason: reason.clone() });
            }
            if let Some((entry, reason)) = entries.engines.iter().find(|(entry, _)| covers(entry, engine)) {
                let (engine, entry) = (engine.to_owned(), entry.clone());
                return Err(Denied::Engine { engine, entry, reason: reason.clone() });
            }
        }
        Ok(())
    }

    /// Whether a module's bytes may run on this crate's engine.
    ///
    /// # Errors
    ///
    /// As [`Self::check`].
    pub fn check_guest(&self, guest: &[u8]) -> Result<(), Denied> {
        self.check(&gauntlet_record::digest(guest), &format!("{} {}", crate::ENGINE, crate::ENGINE_VERSION))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lists that are in force for a run: the embedder's own, and the one that the policy names.
pub(crate) fn lists(own: Option<&Arc<DenyList>>, policy: &Policy) -> Vec<Arc<DenyList>> {
    let named = policy.modules.deny_list.as_ref().map(|path| Arc::new(DenyList::watching(&path.value)));
    own.cloned().into_iter().chain(named).collect()
}

/// The outcome of a run of these bytes, if one of the lists denies it now.
pub(crate) fn denied(lists: &[Arc<DenyList>], guest: &[u8], protections: &Protections) -> Option<Outcome> {
    if lists.is_empty() || protections.lifted("modules") {
        return None;
    }
    lists.iter().find_map(|list| list.check_guest(guest).err()).map(|denied| denied.outcome())
}

/// Reads the file again if it is another one than before.
fn refresh(path: &Path, state: &mut State) -> Result<(), DenyListError> {
    let io = |source| DenyListError::Io { path: path.to_owned(), source };
    let now = version(&std::fs::metadata(path).map_err(io)?);
    if state.version == Some(now) {
        return Ok(());
    }
    // While it is wrong it stays unread, and everything is denied.
    state.version = None;
    let (file, version) = read(path)?;
    state.file = file;
    state.version = Some(version);
    Ok(())
}

fn version(metadata: &std::fs::Metadata) -> Version {
    let changed = metadata.ctime().saturating_mul(1_000_000_000).saturating_add(metadata.ctime_nsec());
    let modified = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
    (metadata.dev(), metadata.ino(), metadata.len(), changed, modified)
}

fn read(path: &Path) -> Result<(Entries, Version), DenyListError> {
    let io = |source| DenyListError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(io)?;
    // Of the open file, before it is read: a change while we read shows as another version next time.
    let version = version(&file.metadata().map_err(io)?);
    let mut bytes = Vec::new();
    file.by_ref().take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(DenyListError::Format { path: path.to_owned(), why: "it is too large" });
    }
    let Ok(text) = String::from_utf8(bytes) else {
        return Err(DenyListError::Format { path: path.to_owned(), why: "it is not text" });
    };
    Ok((parse(&text)?, version))
}

fn parse(text: &str) -> Result<Entries, DenyListError> {
    let mut entries = Entries::default();
    for (number, line) in text.lines().enumerate() {
        let (entry, reason) = line.split_once('#').unwrap_or((line, ""));
        let entry = entry.trim();
        if entry.is_empty() {
            continue;
        }
        let wrong = || not_an_entry(&format!("line {}: ", number + 1), entry);
        let reason = cut(reason.trim());
        if let Some(digest) = entry.strip_prefix("sha256:") {
            let digest = digest.trim().to_lowercase();
            if !is_digest(&digest) {
                return Err(wrong());
            }
            entries.modules.insert(digest, reason);
        } else if let Some(engine) = entry.strip_prefix("engine:") {
            entries.engines.insert(engine_entry(engine).ok_or_else(wrong)?, reason);
        } else {
            return Err(wrong());
        }
    }
    Ok(entries)
}

fn not_an_entry(place: &str, entry: &str) -> DenyListError {
    DenyListError::Entry { place: place.to_owned(), entry: entry.chars().take(80).collect() }
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// `name version`, with one space.
fn engine_entry(text: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    let (name, version) = (words.next()?, words.next()?);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_');
    let fine =
        words.next().is_none() && version.chars().all(plain) && version.starts_with(|c: char| c.is_ascii_digit());
    fine.then(|| format!("{name} {version}"))
}

fn covers(entry: &str, engine: &str) -> bool {
    match entry.strip_suffix('x').filter(|start| start.ends_with('.')) {
        Some(start) => engine.starts_with(start),
        None => engine == entry,
    }
}

fn cut(reason: &str) -> String {
    let reason = if reason.is_empty() { "no reason given" } else { reason };
    reason.chars().filter(|c| gauntlet_record::is_printable(*c)).take(MAX_REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGINE: &str = "wasmtime 48.0.8";

    fn digest(of: &str) -> String {
        gauntlet_record::digest(of.as_bytes())
    }

    #[test]
    fn a_denial_takes_effect_at_once() {
        let list = DenyList::new();
        assert_eq!(list.check(&digest("a"), ENGINE), Ok(()));
        list.deny_module(&digest("a").to_uppercase(), "bad\u{1b}[31m").unwrap();
        let reason = "bad[31m".to_owned();
        assert_eq!(list.check(&digest("a"), ENGINE), Err(Denied::Module { digest: digest("a"), reason }));
        assert_eq!(list.check(&digest("b"), ENGINE), Ok(()));
        assert!(list.deny_module("abc", "").is_err());
    }

    #[test]
    fn an_engine_is_denied_by_version_or_by_line() {
        let list = DenyList::new();
        list.deny_engine("wasmtime  48.0.x", "").unwrap();
        assert!(list.check(&digest("a"), "wasmtime 48.0.8").is_err());
        assert!(list.check(&digest("a"), "wasmtime 48.0.12").is_err());
        assert!(list.check(&digest("a"), "wasmtime 48.1.0").is_ok());
        assert!(list.check(&digest("a"), "wasmtime 480.0.0").is_ok());
        list.deny_engine("wasmtime 49.0.1", "").unwrap();
        assert!(list.check(&digest("a"), "wasmtime 49.0.1").is_err());
        assert!(list.check(&digest("a"), "wasmtime 49.0.10").is_ok());
        for wrong in ["wasmtime", "wasmtime x", "wasmtime 1 2", ""] {
            assert!(list.deny_engine(wrong, "").is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_is_read_again_when_it_changes_and_denies_everything_while_it_is_wrong() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deny");
        std::fs::write(&path, format!("# empty\n\nsha256:{} # known\n", digest("a"))).unwrap();
        let list = DenyList::from_file(&path).unwrap();
        assert!(matches!(list.check(&digest("a"), ENGINE), Err(Denied::Module { reason, .. }) if reason == "known"));
        assert_eq!(list.check(&digest("b"), ENGINE), Ok(()));
        std::fs::write(&path, format!("sha256:{}\nengine:wasmtime 47.x\n", digest("b"))).unwrap();
        assert_eq!(list.check(&digest("a"), ENGINE), Ok(()));
        assert!(list.check(&digest("b"), ENGINE).is_err());
        // A file of the same length in place of this one.
        let other = directory.path().join("other");
        std::fs::write(&other, format!("sha256:{}\nengine:wasmtime 47.x\n", digest("c"))).unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert!(list.check(&digest("c"), ENGINE).is_err());
        assert_eq!(list.check(&digest("b"), ENGINE), Ok(()));
        std::fs::write(&path, "sha256:123\n").unwrap();
        for _ in 0..2 {
            assert!(
                matches!(list.check(&digest("z"), ENGINE), Err(Denied::Unreadable { why }) if why.contains("line 1"))
            );
        }
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(list.check(&digest("z"), ENGINE), Err(Denied::Unreadable { .. })));
        std::fs::write(&path, "").unwrap();
        assert_eq!(list.check(&digest("z"), ENGINE), Ok(()));
    }

    #[test]
    fn what_is_no_list_is_a_typed_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deny");
        assert!(matches!(DenyList::from_file(&path), Err(DenyListError::Io { .. })));
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(matches!(DenyList::from_file(&path), Err(DenyListError::Format { .. })));
        for wrong in ["nonsense", "md5:abc", "sha256:", "engine:wasmtime", "sha256:zz"] {
            std::fs::write(&path, wrong).unwrap();
            assert!(matches!(DenyList::from_file(&path), Err(DenyListError::Entry { .. })), "{wrong}");
        }
    }
}
