//! An advisory database in a folder, as the RustSec project lays it out: `crates/<name>/RUSTSEC-*.md`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use rustsec::Lockfile;
use rustsec::database::Query;
use sha2::{Digest as _, Sha256};

use super::{Config, advisory};
use crate::day::{between, day};
use crate::model::{Advisory, DatabaseInfo};

/// Most days that the newest advisory may be old unless another number is told; what cargo-audit allows a fetched copy.
pub const DEFAULT_MOST_DAYS: u64 = 90;
/// Most files of a database; there are some 1 300 at the time of writing.
const MAX_FILES: usize = 50_000;
/// Most bytes of one advisory.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// Most bytes of all of them.
const MAX_BYTES: u64 = 256 << 20;

/// A database that was read.
#[derive(Debug)]
pub struct Database {
    inner: rustsec::Database,
    info: DatabaseInfo,
}

/// A database that cannot be used. Nothing is looked up in it then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// It cannot be read.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// Something in it is no plain file or folder.
    #[error("`{}` is neither a plain file nor a folder", .0.display())]
    NotPlain(PathBuf),
    /// It is larger than any database.
    #[error("more than {MAX_FILES} files, {} MiB, or {} MiB in one of them, which no database has", MAX_BYTES >> 20, MAX_FILE_BYTES >> 20)]
    TooLarge,
    /// One of its files is broken.
    #[error("not a whole database: {0}")]
    Broken(String),
    /// It holds nothing.
    #[error("it holds no advisory")]
    Empty,
    /// It holds what has not happened yet.
    #[error("its newest advisory is of {0}, which is in the future")]
    FromFuture(String),
    /// It is too old.
    #[error(
        "its newest advisory is of {newest}, {days} days ago; at most {most} are allowed. Use a newer copy, or allow this one with `--max-db-age`"
    )]
    TooOld {
        /// The day of the newest advisory.
        newest: String,
        /// How long ago that is.
        days: u64,
        /// How long it may be.
        most: u64,
    },
    /// The commit is not one.
    #[error("`{0}` is not a commit: 40 hexadecimal digits")]
    Commit(String),
    /// The time of the audit is not known.
    #[error("`{0}` is not a time")]
    Now(String),
}

impl Database {
    /// Reads a database. `commit` is what it is said to be a copy of; without it, a file `COMMIT` in the folder is asked. `now` is the
    /// time of the audit, RFC 3339, and `most_days` how old the newest advisory may be.
    ///
    /// # Errors
    ///
    /// If it cannot be read whole, holds nothing, or is older than allowed.
    pub fn open(folder: &Path, commit: Option<&str>, now: &str, most_days: u64) -> Result<Self, DatabaseError> {
        let sha256 = digest(folder)?;
        let commit = match commit.map(str::to_owned).or_else(|| commit_file(folder)) {
            Some(commit) if commit.len() != 40 || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                return Err(DatabaseError::Commit(commit));
            }
            commit => commit,
        };
        // The reader is somebody else's and the files may be hostile: a panic of it is a broken database and not ours.
        let inner = catch_unwind(AssertUnwindSafe(|| rustsec::Database::open(folder)))
            .map_err(|_| DatabaseError::Broken("its reader gave up".into()))?
            .map_err(|error| DatabaseError::Broken(error.to_string()))?;
        let dates = inner.iter().map(|advisory| advisory.metadata.date.to_string());
        let newest = dates.max().ok_or(DatabaseError::Empty)?;
        let today = day(now).ok_or_else(|| DatabaseError::Now(now.to_owned()))?;
        let newest_day = day(&newest).ok_or_else(|| DatabaseError::Broken(format!("`{newest}` is not a day")))?;
        // A day of grace: today is not the same day everywhere.
        let days = between(newest_day, today);
        if days < -1 {
            return Err(DatabaseError::FromFuture(newest));
        }
        let age_days = u64::try_from(days).unwrap_or(0);
        if age_days > most_days {
            return Err(DatabaseError::TooOld { newest, days: age_days, most: most_days });
        }
        let advisories = inner.iter().count() as u64;
        Ok(Self { inner, info: DatabaseInfo { commit, sha256, advisories, newest, age_days, most_days } })
    }

    /// What is known of it.
    #[must_use]
    pub const fn info(&self) -> &DatabaseInfo {
        &self.info
    }

    /// The advisories that concern the packages of a lock file, informational ones among them.
    pub(super) fn concerning(&self, lockfile: &Lockfile, config: &Config) -> Vec<Advisory> {
        let mut found: BTreeMap<(String, String, String), Advisory> = BTreeMap::new();
        for informational in [false, true] {
            let query = Query::crate_scope().informational(informational);
            for hit in self.inner.query_vulnerabilities(lockfile, &query) {
                let (name, version) = (hit.package.name.as_str(), hit.package.version.to_string());
                let told = advisory(&hit.advisory, &hit.versions, name, &version, config);
                found.insert((told.id.clone(), told.package.clone(), told.version.clone()), told);
            }
        }
        found.into_values().collect()
    }
}

/// SHA-256 over the advisories, by path; and nothing but plain files of a bounded size among them.
fn digest(folder: &Path) -> Result<String, DatabaseError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| DatabaseError::Io { path, source }
    };
    let mut files: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut bytes = 0_u64;
    for collection in ["crates", "rust"] {
        let top = folder.join(collection);
        let entries = match fs::read_dir(&top) {
            Err(error) if collection == "rust" && error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(at(&top))?,
        };
        for package in entries {
            let package = package.map_err(at(&top))?;
            let kind = package.file_type().map_err(at(&package.path()))?;
            if kind.is_symlink() {
                return Err(DatabaseError::NotPlain(package.path()));
            }
            if !kind.is_dir() {
                continue;
            }
            for file in fs::read_dir(package.path()).map_err(at(&package.path()))? {
                let path = file.map_err(at(&package.path()))?.path();
                let meta = fs::symlink_metadata(&path).map_err(at(&path))?;
                if !meta.is_file() {
                    return Err(DatabaseError::NotPlain(path));
                }
                bytes = bytes.saturating_add(meta.len());
                if meta.len() > MAX_FILE_BYTES || bytes > MAX_BYTES || files.len() >= MAX_FILES {
                    return Err(DatabaseError::TooLarge);
                }
                let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                files.insert(name, path);
            }
        }
    }
    let mut all = Sha256::new();
    for (name, path) in files {
        let mut text = Vec::new();
        File::open(&path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text)).map_err(at(&path))?;
        all.update(name.as_bytes());
        all.update([0]);
        all.update(Sha256::digest(&text));
    }
    Ok(all.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The first word of a file `COMMIT` beside the advisories.
fn commit_file(folder: &Path) -> Option<String> {
    let path = folder.join("COMMIT");
    if !fs::symlink_metadata(&path).ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    File::open(&path).ok()?.take(4_096).read_to_string(&mut text).ok()?;
    text.split_whitespace().next().map(str::to_owned)
}
