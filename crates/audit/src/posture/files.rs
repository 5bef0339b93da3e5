//! Small files of the kernel, read with a bound.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Most bytes of one of them.
const MAX_BYTES: u64 = 64 << 10;
/// Most characters of one that are told.
const MAX_TOLD: usize = 200;

/// The files below a root folder.
#[derive(Debug)]
pub(super) struct Files {
    root: PathBuf,
}

impl Files {
    pub(super) fn below(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The text of a file, without blanks at its ends; `None` if it cannot be read.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let path = self.root.join(name);
        if !fs::metadata(&path).ok()?.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        File::open(path).ok()?.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim_matches(|c: char| c.is_whitespace() || c == '\0').to_owned())
    }

    /// Whether there is something by that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.root.join(name).exists()
    }

    /// The names in a folder, sorted.
    pub(super) fn names(&self, name: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.root.join(name)) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.flatten().take(1_000).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The number that a file holds.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// A field of a file of `Name:<blank>value` lines.
    pub(super) fn field(&self, name: &str, field: &str) -> Option<String> {
        let text = self.text(name)?;
        let found = text.lines().find_map(|line| line.split_once(':').filter(|(key, _)| *key == field));
        found.map(|(_, value)| value.trim().to_owned())
    }

    /// Whether this process may write to a file, as its mode and the system say.
    pub(super) fn writable(&self, name: &str) -> bool {
        // Opening for writing changes nothing of a file of the kernel.
        fs::OpenOptions::new().write(true).open(self.root.join(name)).is_ok()
    }
}

/// A text of the kernel as it is told: one line, cut.
pub(super) fn told(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TOLD).collect();
    line.trim().to_owned()
}
