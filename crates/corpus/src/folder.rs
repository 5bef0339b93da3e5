//! The files of one attack, from the embedded table or from disk, and what can be wrong with them.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gauntlet_policy::{Fault, LoadError, read_limited};
use gauntlet_record::digest;

/// Most bytes of a file of an attack.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Attacks that cannot be read. Every variant names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// A file has faults; all of them, in the order of the file.
    #[error("{}", list(.file, .faults))]
    Faults {
        /// The file.
        file: String,
        /// Its text, for drawing the faults.
        text: String,
        /// The faults.
        faults: Vec<Fault>,
    },
    /// A file is missing.
    #[error("`{file}` is missing: {why}")]
    Missing {
        /// The file.
        file: String,
        /// What it is needed for.
        why: &'static str,
    },
    /// A file or folder cannot be read.
    #[error("cannot read `{file}`")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system answered.
        source: io::Error,
    },
    /// A file is not what an attack may consist of.
    #[error("cannot use `{file}`")]
    Refused {
        /// The file.
        file: String,
        /// Why.
        source: LoadError,
    },
    /// A symbolic link, which could lead anywhere.
    #[error("`{file}` is a symbolic link; an attack holds regular files only")]
    Link {
        /// The link.
        file: String,
    },
    /// A file where a folder was expected.
    #[error("`{file}` is not a folder")]
    NotAFolder {
        /// The file.
        file: String,
    },
    /// A folder whose name cannot be a part of an id.
    #[error("`{file}`: the name of an attack's folder is made of lower-case letters, digits and `-`")]
    Name {
        /// The folder.
        file: String,
    },
    /// A folder without attacks.
    #[error("no `attack.yaml` in `{dir}` or in the folders below it")]
    NoAttack {
        /// The folder.
        dir: String,
    },
    /// Two attacks of one id.
    #[error("two attacks are called `{id}`: `{first}` and `{second}`")]
    Duplicate {
        /// The id.
        id: String,
        /// The file of the one that was there first.
        first: String,
        /// The file of the other.
        second: String,
    },
}

fn list(file: &str, faults: &[Fault]) -> String {
    let mut out = String::new();
    for (i, fault) in faults.iter().enumerate() {
        let separator = if i == 0 { "" } else { "\n" };
        let _ = write!(out, "{separator}{file}:{}:{}: {}", fault.span.line, fault.span.column, fault.message);
        if !fault.fix.is_empty() {
            let _ = write!(out, " ({})", fault.fix);
        }
    }
    out
}

enum Source<'a> {
    Table(&'a [(&'a str, &'a [u8])]),
    Disk(PathBuf),
}

/// The folder of one attack.
pub(crate) struct Folder<'a> {
    pub(crate) class: String,
    name: String,
    source: Source<'a>,
    /// Name and digest of each file that was read.
    read: Vec<(String, String)>,
}

impl<'a> Folder<'a> {
    pub(crate) fn embedded(class: &str, name: &str, files: &'a [(&'a str, &'a [u8])]) -> Self {
        Self { class: class.to_owned(), name: name.to_owned(), source: Source::Table(files), read: Vec::new() }
    }

    pub(crate) fn on_disk(class: &str, name: &str, dir: &Path) -> Result<Self, CorpusError> {
        if !is_name(name) {
            return Err(CorpusError::Name { file: dir.display().to_string() });
        }
        Ok(Self {
            class: class.to_owned(),
            name: name.to_owned(),
            source: Source::Disk(dir.to_owned()),
            read: Vec::new(),
        })
    }

    pub(crate) fn id(&self) -> String {
        format!("{}/{}", self.class, self.name)
    }

    /// A file's path for people: in the repository, or as it was given.
    pub(crate) fn shown(&self, file: &str) -> String {
        match &self.source {
            Source::Table(_) => format!("attacks/{}/{}/{file}", self.class, self.name),
            Source::Disk(dir) => dir.join(file).display().to_string(),
        }
    }

    pub(crate) fn has(&self, file: &str) -> bool {
        match &self.source {
            Source::Table(_) => self.table(file).is_some(),
            Source::Disk(dir) => fs::symlink_metadata(dir.join(file)).is_ok(),
        }
    }

    /// Reads a file; `why` says what it is needed for.
    pub(crate) fn bytes(&mut self, file: &str, why: &'static str) -> Result<Cow<'a, [u8]>, CorpusError> {
        let bytes = match &self.source {
            Source::Table(_) => {
                Cow::Borrowed(self.table(file).ok_or_else(|| CorpusError::Missing { file: self.shown(file), why })?)
            }
            Source::Disk(dir) => {
                let path = dir.join(file);
                match fs::symlink_metadata(&path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        return Err(CorpusError::Missing { file: self.shown(file), why });
                    }
                    Err(source) => return Err(CorpusError::Unreadable { file: self.shown(file), source }),
                    Ok(metadata) if metadata.is_symlink() => return Err(CorpusError::Link { file: self.shown(file) }),
                    Ok(_) => {}
                }
                let refused = |source| CorpusError::Refused { file: self.shown(file), source };
                Cow::Owned(read_limited(&path, MAX_FILE_BYTES).map_err(refused)?)
            }
        };
        if !self.read.iter().any(|(name, _)| name == file) {
            self.read.push((file.to_owned(), digest(&bytes)));
        }
        Ok(bytes)
    }

    /// Reads a file as text.
    pub(crate) fn text(&mut self, file: &str, why: &'static str) -> Result<String, CorpusError> {
        let bytes = self.bytes(file, why)?;
        let refused = |error: std::str::Utf8Error| LoadError::NotUtf8(error.valid_up_to());
        let text = std::str::from_utf8(&bytes).map_err(refused);
        text.map(str::to_owned).map_err(|source| CorpusError::Refused { file: self.shown(file), source })
    }

    /// One digest of every file that was read.
    pub(crate) fn digest(&self) -> String {
        let lines: Vec<String> = self.read.iter().map(|(file, sha256)| format!("{file} {sha256}\n")).collect();
        digest(lines.concat().as_bytes())
    }

    fn table(&self, file: &str) -> Option<&'a [u8]> {
        let Source::Table(files) = &self.source else { return None };
        let path = format!("{}/{}/{file}", self.class, self.name);
        files.iter().find(|(name, _)| *name == path).map(|(_, bytes)| *bytes)
    }
}

/// Whether a word can be a part of an id.
pub(crate) fn is_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty() && name.len() <= 80 && !name.starts_with('-') && name.chars().all(inner)
}
