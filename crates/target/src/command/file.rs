//! A target file with what belongs to it, as text: all that a process needs to make the target, wherever it runs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use gauntlet_policy::{MAX_POLICY_BYTES, read_limited};
use serde::{Deserialize, Serialize};

use super::template::Template;
use super::{CommandTarget, CommandTargetError};

/// A target file, the driver that it names, and the release that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CommandFile {
    /// The target's name if the text gives none.
    pub name: String,
    /// The text, in YAML.
    pub text: String,
    /// The text of the driver, if the file names one.
    pub driver: Option<String>,
    /// One release of the program, in an environment of its own.
    pub release: Option<Release>,
}

/// A release of a target's program, and where its environment is or will be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Release {
    /// The release, as its registry names it.
    pub version: String,
    /// The folder of its environment.
    pub folder: PathBuf,
}

impl CommandFile {
    /// A target file from its text; `driver` finds the text of the driver that it names, which lies beside it.
    ///
    /// # Errors
    ///
    /// If the text has faults, or the driver is not to be had.
    pub fn new(
        name: &str,
        text: &str,
        driver: impl FnOnce(&str) -> Result<Vec<u8>, CommandTargetError>,
    ) -> Result<Self, CommandTargetError> {
        let faults = |faults| CommandTargetError::Faults { text: text.to_owned(), faults };
        let target = CommandTarget::parse(name, text).map_err(faults)?;
        let driver = target.driver.as_deref().map(|name| driver(name).and_then(utf8)).transpose()?;
        Ok(Self { name: name.to_owned(), text: text.to_owned(), driver, release: None })
    }

    /// Reads a target file and its driver.
    ///
    /// # Errors
    ///
    /// If one of them cannot be read, is not UTF-8 or has faults.
    pub fn load(path: &Path) -> Result<Self, CommandTargetError> {
        let text = utf8(read_limited(path, MAX_POLICY_BYTES)?)?;
        let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        Self::new(&name, &text, |driver| {
            let path = path.parent().unwrap_or(Path::new("")).join(driver);
            read_limited(&path, MAX_POLICY_BYTES)
                .map_err(|source| CommandTargetError::Driver { file: path.display().to_string(), source })
        })
    }
}

fn utf8(bytes: Vec<u8>) -> Result<String, CommandTargetError> {
    String::from_utf8(bytes).map_err(|error| CommandTargetError::NotUtf8(error.utf8_error().valid_up_to()))
}

/// How a target's program is had in any of its releases.
#[derive(Debug)]
pub(super) struct Releases {
    /// The program, with `{{folder}}` for the environment's folder.
    pub(super) program: Template,
    /// The commands that build the environment, each a program with its arguments.
    pub(super) install: Vec<Vec<Template>>,
}

impl Releases {
    pub(super) fn program(&self, release: &Release) -> String {
        self.program.fill(&[("folder", release.folder.as_os_str())]).to_string_lossy().into_owned()
    }

    pub(super) fn commands(&self, release: &Release) -> Vec<Vec<OsString>> {
        let values = [("folder", release.folder.as_os_str()), ("release", release.version.as_ref())];
        let one = |command: &Vec<Template>| command.iter().map(|part| part.fill(&values)).collect();
        self.install.iter().map(one).collect()
    }
}

/// Whether a text may name a release: it becomes part of a path and of a command line.
pub(super) fn is_release(text: &str) -> bool {
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-'))
        && !text.contains("..")
}
