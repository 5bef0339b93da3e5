//! What was built of a language: the manifest beside it, and the check that the files are still what it says.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Component, Path};

use gauntlet_policy::{LoadError, read_limited};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::language::Package;

/// The manifest's name.
pub(crate) const FILE: &str = "manifest.json";
/// What an interpreter's guest is called.
pub(crate) const GUEST: &str = "guest.wasm";
/// The format.
const FORMAT: &str = "gauntlet.guest/1";
/// Most bytes of a manifest; that of a compiler lists its headers.
const MAX_BYTES: u64 = 4 << 20;
/// Most bytes of a guest.
const MAX_GUEST: u64 = 64 << 20;

/// What was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    format: String,
    pub(crate) language: String,
    pub(crate) version: String,
    /// The digest of the recipe.
    pub(crate) recipe: String,
    pub(crate) packages: Vec<Package>,
    pub(crate) licences: Vec<String>,
    pub(crate) files: Vec<Listed>,
}

/// A file that was built.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listed {
    pub(crate) path: String,
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
}

impl Manifest {
    pub(crate) fn new(language: &str, version: &str, recipe: &str) -> Self {
        Self {
            format: FORMAT.to_owned(),
            language: language.to_owned(),
            version: version.to_owned(),
            recipe: recipe.to_owned(),
            packages: Vec::new(),
            licences: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Reads the manifest in a folder; `None` if there is none.
    pub(crate) fn read(folder: &Path, language: &str) -> Result<Option<Self>, String> {
        let bytes = match read_limited(&folder.join(FILE), MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(LoadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("its manifest cannot be read: {error}")),
        };
        let manifest: Self =
            serde_json::from_slice(&bytes).map_err(|error| format!("its manifest is not one: {error}"))?;
        if manifest.format != FORMAT || manifest.language != language {
            return Err("its manifest is another's".to_owned());
        }
        let plain =
            |listed: &Listed| Path::new(&listed.path).components().all(|part| matches!(part, Component::Normal(_)));
        if manifest.files.is_empty() || !manifest.files.iter().all(plain) {
            return Err("its manifest lists no files, or files elsewhere".to_owned());
        }
        Ok(Some(manifest))
    }

    /// One digest for everything: the guest's own, or that of the list.
    pub(crate) fn digest(&self) -> String {
        match self.files.as_slice() {
            [only] => only.sha256.clone(),
            files => {
                let lines: Vec<String> = files.iter().map(|file| format!("{} {}\n", file.sha256, file.path)).collect();
                gauntlet_record::digest(lines.concat().as_bytes())
            }
        }
    }

    /// The interpreter's guest, checked.
    pub(crate) fn guest(&self, folder: &Path) -> Result<Vec<u8>, String> {
        let listed =
            self.files.iter().find(|listed| listed.path == GUEST).ok_or("its manifest lists no guest".to_owned())?;
        let bytes = read_limited(&folder.join(GUEST), MAX_GUEST).map_err(|error| format!("`{GUEST}`: {error}"))?;
        if gauntlet_record::digest(&bytes) != listed.sha256 {
            return Err(format!("`{GUEST}` is not what was built"));
        }
        Ok(bytes)
    }

    /// Checks every file.
    pub(crate) fn check(&self, folder: &Path) -> Result<(), String> {
        for listed in &self.files {
            let found = self::listed(folder, &listed.path).map_err(|error| format!("`{}`: {error}", listed.path))?;
            if found != *listed {
                return Err(format!("`{}` is not what was built", listed.path));
            }
        }
        Ok(())
    }
}

/// What is in a file, for the list.
pub(crate) fn listed(folder: &Path, path: &str) -> io::Result<Listed> {
    let mut file = fs::File::open(folder.join(path))?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"));
    }
    let (mut digest, mut bytes, mut piece) = (Sha256::new(), 0, vec![0; 1 << 20]);
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        digest.update(&piece[..read]);
    }
    let sha256 = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Listed { path: path.to_owned(), sha256, bytes })
}

/// Every plain file beneath a folder, by path; links and devices are an error.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<Listed>> {
    fn walk(root: &Path, at: &str, found: &mut Vec<Listed>) -> io::Result<()> {
        for entry in fs::read_dir(root.join(at))? {
            let entry = entry?;
            let name = entry.file_name().into_string().map_err(|_| io::ErrorKind::InvalidData)?;
            let path = if at.is_empty() { name } else { format!("{at}/{name}") };
            if entry.file_type()?.is_dir() {
                walk(root, &path, found)?;
            } else {
                found.push(listed(root, &path)?);
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    walk(folder, "", &mut found)?;
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built() -> (tempfile::TempDir, Manifest) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(GUEST), b"\0asm guest").unwrap();
        let mut manifest = Manifest::new("python", "1", "r");
        manifest.files = list(folder.path()).unwrap();
        write(&folder, &manifest);
        (folder, manifest)
    }

    fn write(folder: &tempfile::TempDir, manifest: &Manifest) {
        fs::write(folder.path().join(FILE), serde_json::to_vec(manifest).unwrap()).unwrap();
    }

    #[test]
    fn what_was_built_is_found_again_and_checked() {
        let (folder, manifest) = built();
        assert_eq!(Manifest::read(folder.path(), "python"), Ok(Some(manifest.clone())));
        assert_eq!(manifest.guest(folder.path()), Ok(b"\0asm guest".to_vec()));
        assert_eq!(manifest.check(folder.path()), Ok(()));
        assert_eq!(manifest.digest(), gauntlet_record::digest(b"\0asm guest"));
        fs::write(folder.path().join(GUEST), b"\0asm GUEST").unwrap();
        assert!(manifest.guest(folder.path()).is_err() && manifest.check(folder.path()).is_err());
        fs::remove_file(folder.path().join(GUEST)).unwrap();
        assert!(manifest.guest(folder.path()).is_err() && manifest.check(folder.path()).is_err());
    }

    #[test]
    fn nothing_built_is_no_error_and_garbage_is_one() {
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(Manifest::read(empty.path(), "python"), Ok(None));
        let (folder, manifest) = built();
        assert!(Manifest::read(folder.path(), "javascript").is_err(), "another language's");
        for text in ["", "{", "[]", "{\"format\": 1}", "\u{0}"] {
            fs::write(folder.path().join(FILE), text).unwrap();
            assert!(Manifest::read(folder.path(), "python").is_err(), "{text:?}");
        }
        for path in ["../../etc/passwd", "/etc/passwd", "a/../b"] {
            let mut climbs = manifest.clone();
            climbs.files[0].path = path.to_owned();
            write(&folder, &climbs);
            assert!(Manifest::read(folder.path(), "python").is_err(), "{path}");
        }
        let mut none = manifest;
        none.files.clear();
        write(&folder, &none);
        assert!(Manifest::read(folder.path(), "python").is_err());
    }
}
