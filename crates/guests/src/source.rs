//! What is to be run in a language, and the job that it becomes.

use std::fs;
use std::io;
use std::path::{Component, Path};

use gauntlet_target::Job;
use tempfile::TempDir;

use crate::cache::GuestsError;
use crate::language::Language;

/// Most bytes of WebAssembly text: it is assembled in this process.
pub(crate) const MAX_TEXT: usize = 4 << 20;
/// Most bytes of a program's name.
pub(crate) const MAX_NAME: usize = 128;
/// Most files that a program is given, and most bytes of a path.
const MAX_FILES: usize = 1_000;
pub(crate) const MAX_PATH: usize = 512;
/// Who owns the files of a caller that is root, so that workers that are not can read them.
const NOBODY: u32 = 65534;

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

/// The name that error messages have, which is no path and steers no terminal.
pub(crate) fn name(source: &Source, language: &Language) -> Result<String, GuestsError> {
    let extension = language.extensions.first().map_or("txt", String::as_str);
    let name = source.name.clone().unwrap_or_else(|| format!("script.{extension}"));
    let plain =
        !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(|c| !c.is_control() && !matches!(c, '/' | '\\'));
    if plain { Ok(name) } else { Err(GuestsError::Unfit("the program's name is no plain file name".to_owned())) }
}

/// A script as interpreters read it: ahead of its own standard input.
pub(crate) fn framed(name: &str, source: &Source) -> Vec<u8> {
    let mut bytes = format!("{} {}\n{name}", name.len(), source.code.len()).into_bytes();
    bytes.extend_from_slice(&source.code);
    bytes.extend_from_slice(&source.stdin);
    bytes
}

/// WebAssembly, assembled if it is text.
pub(crate) fn assembled(code: &[u8], name: &str) -> Result<Vec<u8>, GuestsError> {
    if code.starts_with(b"\0asm") {
        return Ok(code.to_vec());
    }
    if code.len() > MAX_TEXT {
        return Err(GuestsError::Unfit(format!("text is at most {MAX_TEXT} bytes, this is {}", code.len())));
    }
    wat::parse_bytes(code).map(std::borrow::Cow::into_owned).map_err(|mut error| {
        error.set_path(name);
        GuestsError::DoesNotCompile { messages: format!("{error}\n") }
    })
}

/// A folder with a program's files.
pub(crate) fn placed(files: &[SourceFile]) -> Result<Option<TempDir>, GuestsError> {
    if files.is_empty() {
        return Ok(None);
    }
    if files.len() > MAX_FILES {
        return Err(GuestsError::Unfit(format!(
            "a program is given at most {MAX_FILES} files, these are {}",
            files.len()
        )));
    }
    for file in files {
        let path = Path::new(&file.path);
        let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        if file.path.is_empty() || file.path.len() > MAX_PATH || !plain || file.path.chars().any(char::is_control) {
            return Err(GuestsError::Unfit(format!(
                "`{}` is no path of a file beneath `{FILES}`",
                file.path.escape_debug()
            )));
        }
    }
    let failed = |source| GuestsError::Io { what: "cannot write the program's files".to_owned(), source };
    let folder = tempfile::Builder::new().prefix("gauntlet-files-").tempdir().map_err(failed)?;
    for file in files {
        let path = folder.path().join(&file.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        // Two files of one path, or a file where another has its folder, cannot both be meant.
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .and_then(|mut out| io::Write::write_all(&mut out, &file.bytes))
            .map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                    GuestsError::Unfit(format!("`{}` is given twice", file.path.escape_debug()))
                }
                _ => failed(error),
            })?;
    }
    if rustix::process::geteuid().is_root() {
        give(folder.path()).map_err(failed)?;
    }
    Ok(Some(folder))
}

/// Gives a folder with all that is in it to nobody.
pub(crate) fn give(folder: &Path) -> io::Result<()> {
    std::os::unix::fs::lchown(folder, Some(NOBODY), Some(NOBODY))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            give(&entry.path())?;
        } else {
            std::os::unix::fs::lchown(entry.path(), Some(NOBODY), Some(NOBODY))?;
        }
    }
    Ok(())
}
