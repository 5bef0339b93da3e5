//! Findings as folders: `case.wasm`, `policy.yaml`, `calls.txt` and `expect.json`. Never as raw dice: a seed means something else as soon as
//! the generator changes.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use gauntlet_policy::read_limited;
use gauntlet_record::digest;
use serde::{Deserialize, Serialize};

use crate::case::MAX_LINES;
use crate::{Case, Finding, GENERATOR};

/// Most bytes of a guest that is read back.
const MAX_WASM: u64 = 64 << 20;
/// Most bytes of the other files.
const MAX_TEXT: u64 = 4 << 20;
/// The files of a finding.
const FILES: [&str; 4] = ["case.wasm", "policy.yaml", "calls.txt", "expect.json"];

/// What a replay of a finding is to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outlook {
    /// The oracle still fires: the fault is there.
    Found,
    /// No oracle fires any more: the fault was mended, and stays so.
    Clean,
}

/// `expect.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// What a replay is to see.
    pub expect: Outlook,
    /// The pair.
    pub pair: String,
    /// The oracle.
    pub oracle: String,
    /// Where.
    pub place: String,
    /// What was seen.
    pub message: String,
    /// The target, as `--target` takes it.
    pub target: String,
    /// The seed and the number of the case: only a trace, a replay does not use them.
    pub seed: u64,
    /// The number of the case under that seed.
    pub case: u64,
    /// What made the case.
    pub generator: String,
    /// Whether it was made smaller.
    pub minimized: bool,
}

/// A finding with its case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The case.
    pub case: Case,
    /// What was seen of it.
    pub expect: Expect,
}

/// A folder is not a finding.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file of it is missing or cannot be read.
    #[error("`{file}` of the finding cannot be read")]
    File {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: gauntlet_policy::LoadError,
    },
    /// `expect.json` is not what we write.
    #[error("`{file}` is no expectation")]
    Expect {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// A text is not UTF-8, or has too many lines.
    #[error("`{file}` is no text of a case")]
    Text {
        /// The file.
        file: PathBuf,
    },
    /// The folder cannot be listed.
    #[error("`{dir}` cannot be read")]
    Dir {
        /// The folder.
        dir: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Stored {
    /// A finding of a case.
    #[must_use]
    pub fn new(pair: &str, target: &str, seed: u64, number: u64, finding: &Finding, case: &Case) -> Self {
        let expect = Expect {
            expect: Outlook::Found,
            pair: pair.to_owned(),
            oracle: finding.oracle.clone(),
            place: finding.place.clone(),
            message: finding.message.as_str().to_owned(),
            target: target.to_owned(),
            seed,
            case: number,
            generator: GENERATOR.to_owned(),
            minimized: false,
        };
        Self { case: case.clone(), expect }
    }

    /// What it is grouped by: two findings of one group are one fault, as far as anybody can tell from outside.
    #[must_use]
    pub fn group(&self) -> (String, String) {
        (self.expect.oracle.clone(), self.expect.place.clone())
    }

    /// The name it is stored under: the oracle and the start of the digest of the case. The same case is stored once.
    #[must_use]
    pub fn name(&self) -> String {
        let mut all = self.case.wasm.clone();
        all.extend_from_slice(self.case.policy.as_bytes());
        all.extend_from_slice(self.case.calls.join("\n").as_bytes());
        format!("{}-{}", self.expect.oracle, &digest(&all)[..16])
    }

    /// Stores it as a folder of its own under `dir` and gives the folder. At every moment it is there as a whole or not at all, and when
    /// this returns it is on the disk.
    ///
    /// # Errors
    ///
    /// If it cannot be written: a full disk, most likely.
    pub fn store(&self, dir: &Path) -> io::Result<PathBuf> {
        let folder = dir.join(self.name());
        if folder.join("expect.json").is_file() {
            return Ok(folder);
        }
        fs::create_dir_all(dir)?;
        let temporary = dir.join(format!(".{}.{}.tmp", self.name(), std::process::id()));
        let write = || -> io::Result<()> {
            fs::create_dir_all(&temporary)?;
            let expect = serde_json::to_vec_pretty(&self.expect).map_err(io::Error::other)?;
            let calls = self.case.calls.iter().map(|line| format!("{line}\n")).collect::<String>();
            for (name, bytes) in
                FILES.iter().zip([&self.case.wasm[..], self.case.policy.as_bytes(), calls.as_bytes(), &expect])
            {
                let mut file = File::create(temporary.join(name))?;
                file.write_all(bytes)?;
                file.sync_all()?;
            }
            File::open(&temporary)?.sync_all()?;
            fs::rename(&temporary, &folder)?;
            File::open(dir)?.sync_all()
        };
        write().inspect_err(|_| {
            let _ = fs::remove_dir_all(&temporary);
        })?;
        Ok(folder)
    }

    /// Writes the expectation anew, as after a fault was mended.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn rewrite_expect(&self, folder: &Path) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(&self.expect).map_err(io::Error::other)?;
        gauntlet_runner::write_atomically(&folder.join("expect.json"), &text)
    }

    /// Reads a folder back. Every file has to be there.
    ///
    /// # Errors
    ///
    /// If one is missing, too large or not what we write.
    pub fn load(folder: &Path) -> Result<Self, StoreError> {
        let read = |name: &str, most: u64| {
            let file = folder.join(name);
            read_limited(&file, most).map_err(|source| StoreError::File { file, source })
        };
        let text = |name: &str| {
            let file = folder.join(name);
            String::from_utf8(read(name, MAX_TEXT)?).map_err(|_| StoreError::Text { file })
        };
        let [wasm, policy, calls, expect] = FILES;
        let file = folder.join(expect);
        let expect: Expect =
            serde_json::from_slice(&read(expect, MAX_TEXT)?).map_err(|source| StoreError::Expect { file, source })?;
        let lines: Vec<String> = text(calls)?.lines().map(str::to_owned).collect();
        if lines.len() > MAX_LINES {
            return Err(StoreError::Text { file: folder.join(calls) });
        }
        Ok(Self { case: Case { wasm: read(wasm, MAX_WASM)?, policy: text(policy)?, calls: lines }, expect })
    }
}

/// What a folder of findings holds.
#[derive(Debug, Default)]
pub struct Folder {
    /// The findings, by their folder, in order.
    pub findings: Vec<(PathBuf, Stored)>,
    /// What is none: other people's files, and what was cut off.
    pub foreign: Vec<PathBuf>,
}

/// Reads a finding, or all findings of a folder. Files that are none are named and left alone; envelopes are read.
///
/// # Errors
///
/// If the folder cannot be read, or it is itself a finding with a fault.
pub fn findings(dir: &Path) -> Result<Folder, StoreError> {
    if dir.join("expect.json").exists() {
        return Ok(Folder { findings: vec![(dir.to_owned(), Stored::load(dir)?)], foreign: Vec::new() });
    }
    let unreadable = |source| StoreError::Dir { dir: dir.to_owned(), source };
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
    }
    paths.sort();
    let mut folder = Folder::default();
    for path in paths {
        let own = path.file_name().is_some_and(|name| name == "state.json" || name == "journal");
        if own {
            continue;
        }
        let stored = if path.join("expect.json").is_file() { Stored::load(&path).ok() } else { envelope(&path) };
        match stored {
            Some(stored) => folder.findings.push((path, stored)),
            None => folder.foreign.push(path),
        }
    }
    Ok(folder)
}

/// A file of libFuzzer that carries its case.
fn envelope(path: &Path) -> Option<Stored> {
    let bytes = path.is_file().then(|| read_limited(path, MAX_WASM).ok())??;
    let (pair, case) = Case::from_envelope(&bytes)?;
    let finding = Finding::of("", "");
    Some(Stored::new(&pair, "inline", 0, 0, &finding, &case))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> Stored {
        let case =
            Case { wasm: b"\0asm\x01\0\0\0".to_vec(), policy: "version: 1\n".into(), calls: vec!["call".into()] };
        Stored::new("core-modules", "inline", 7, 12, &Finding::of("no-host-panic", "index 3 out of bounds"), &case)
    }

    #[test]
    fn a_finding_is_a_folder_and_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let folder = stored().store(dir.path()).unwrap();
        assert_eq!(stored().store(dir.path()).unwrap(), folder, "the same case is stored once");
        assert_eq!(Stored::load(&folder).unwrap(), stored());
        assert_eq!(fs::read_to_string(folder.join("calls.txt")).unwrap(), "call\n");
        assert_eq!(findings(dir.path()).unwrap().findings.len(), 1);
    }

    #[test]
    fn a_missing_file_and_a_foreign_one_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let folder = stored().store(dir.path()).unwrap();
        fs::write(dir.path().join("holiday.jpg"), b"\xff\xd8").unwrap();
        fs::write(dir.path().join("crash-1"), stored().case.to_envelope("core-modules")).unwrap();
        let read = findings(dir.path()).unwrap();
        assert_eq!((read.findings.len(), read.foreign.len()), (2, 1));
        fs::remove_file(folder.join("policy.yaml")).unwrap();
        assert!(matches!(Stored::load(&folder), Err(StoreError::File { .. })));
        assert_eq!(findings(dir.path()).unwrap().foreign.len(), 2);
        fs::write(folder.join("policy.yaml"), "").unwrap();
        fs::write(folder.join("expect.json"), "{\"expect\":\"maybe\"}").unwrap();
        assert!(matches!(findings(&folder), Err(StoreError::Expect { .. })));
    }

    #[test]
    fn a_place_that_cannot_be_written_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(stored().store(&file.join("inside")).is_err());
        assert!(stored().store(Path::new("/dev/full/x")).is_err());
    }
}
