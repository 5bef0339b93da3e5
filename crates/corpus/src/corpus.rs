//! All attacks of a run: the embedded ones and those of folders on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use gauntlet_record::digest;

use crate::folder::{CorpusError, Folder};
use crate::model::Attack;
use crate::read;

/// The classes of attacks. A folder outside of them is a `regression`.
pub const CLASSES: &[&str] = &[
    "cpu",
    "compile",
    "memory",
    "tables",
    "gc",
    "stack",
    "files-read",
    "files-write",
    "files-exhaustion",
    "network",
    "environment",
    "clocks",
    "streams",
    "sleep",
    "handles",
    "malformed",
    "supply-chain",
    "report",
    "component",
    "tenants",
    "services",
    "regression",
];

/// The description of an attack, in its folder.
const ATTACK: &str = "attack.yaml";

/// All attacks, in the order of their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Corpus {
    /// The attacks, sorted by id.
    pub attacks: Vec<Attack>,
    /// SHA-256 over every file that was read, in hex: what a record says it was made with.
    pub sha256: String,
    /// Where each attack came from and the digest of its files, by the id of its folder.
    folders: BTreeMap<String, (String, String)>,
}

impl Corpus {
    /// Reads the attacks of a table of files, with paths such as `memory/grow-past-limit/attack.yaml`. Files outside the classes, such
    /// as known gaps and targets, are left to others.
    ///
    /// # Errors
    ///
    /// If a folder of a class has no `attack.yaml`, or one of its files is missing or has faults.
    pub fn embedded(files: &[(&str, &[u8])]) -> Result<Self, CorpusError> {
        let mut corpus = Self::default();
        let mut found = BTreeSet::new();
        for (path, _) in files {
            let mut parts = path.splitn(3, '/');
            if let (Some(class), Some(name), Some(_)) = (parts.next(), parts.next(), parts.next())
                && CLASSES.contains(&class)
            {
                found.insert((class, name));
            }
        }
        for (class, name) in found {
            corpus.add(Folder::embedded(class, name, files))?;
        }
        corpus.seal();
        Ok(corpus)
    }

    /// Adds the attacks of a folder on disk: the folder of one attack, a folder of such folders, or a folder of classes. After an error
    /// the corpus is as it was before.
    ///
    /// # Errors
    ///
    /// If there is no attack in it, if a file is missing, has faults, is a link, is no regular file or is too large, or if an attack of
    /// the same id is there already.
    pub fn add_dir(&mut self, dir: &Path) -> Result<(), CorpusError> {
        let mut more = self.clone();
        let parent = |dir: &Path| {
            let whole = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
            let name =
                |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            (whole.parent().map(name).unwrap_or_default(), name(&whole))
        };
        if is_attack(dir)? {
            let (class, name) = parent(dir);
            more.add(Folder::on_disk(class_of(&class), &name, dir)?)?;
        } else {
            let before = more.folders.len();
            let (_, own) = parent(dir);
            for (name, path) in subfolders(dir)? {
                if is_attack(&path)? {
                    more.add(Folder::on_disk(class_of(&own), &name, &path)?)?;
                    continue;
                }
                for (inner, path) in subfolders(&path)? {
                    // Without a description this is an error that names the missing file: a slip must not hide an attack.
                    more.add(Folder::on_disk(class_of(&name), &inner, &path)?)?;
                }
            }
            if more.folders.len() == before {
                return Err(CorpusError::NoAttack { dir: dir.display().to_string() });
            }
        }
        more.seal();
        *self = more;
        Ok(())
    }

    /// The attacks that a filter names by their id, with or without the case; for a filter that names none so, those whose class it is or
    /// whose id holds it. All, if there are no filters.
    #[must_use]
    pub fn select(&self, filters: &[String]) -> Vec<&Attack> {
        let is_name = |filter: &String| self.attacks.iter().any(|attack| attack.is_called(filter));
        let (names, parts): (Vec<&String>, Vec<&String>) = filters.iter().partition(|filter| is_name(filter));
        let wanted = |attack: &Attack| {
            names.iter().any(|name| attack.is_called(name))
                || parts.iter().any(|part| attack.class == **part || attack.id.contains(part.as_str()))
        };
        self.attacks.iter().filter(|attack| filters.is_empty() || wanted(attack)).collect()
    }

    fn add(&mut self, mut folder: Folder<'_>) -> Result<(), CorpusError> {
        let attacks = read::attacks(&mut folder)?;
        let (id, file) = (folder.id(), folder.shown(ATTACK));
        if let Some((first, _)) = self.folders.get(&id) {
            return Err(CorpusError::Duplicate { id, first: first.clone(), second: file });
        }
        self.folders.insert(id, (file, folder.digest()));
        self.attacks.extend(attacks);
        Ok(())
    }

    fn seal(&mut self) {
        self.attacks.sort_by(|a, b| a.id.cmp(&b.id));
        let lines: Vec<String> = self.folders.iter().map(|(id, (_, files))| format!("{id} {files}\n")).collect();
        self.sha256 = digest(lines.concat().as_bytes());
    }
}

fn class_of(parent: &str) -> &'static str {
    CLASSES.iter().copied().find(|class| *class == parent).unwrap_or("regression")
}

fn is_attack(dir: &Path) -> Result<bool, CorpusError> {
    let unreadable = |source| CorpusError::Unreadable { file: dir.display().to_string(), source };
    if !fs::metadata(dir).map_err(unreadable)?.is_dir() {
        return Err(CorpusError::NotAFolder { file: dir.display().to_string() });
    }
    Ok(fs::symlink_metadata(dir.join(ATTACK)).is_ok())
}

/// The folders in a folder, sorted. A link to a folder is refused, so that nothing outside is read unseen; hidden ones are left out.
fn subfolders(dir: &Path) -> Result<Vec<(String, std::path::PathBuf)>, CorpusError> {
    let unreadable = |source| CorpusError::Unreadable { file: dir.display().to_string(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().map_err(unreadable)?;
        if name.starts_with('.') {
            continue;
        }
        if kind.is_symlink() && entry.path().is_dir() {
            return Err(CorpusError::Link { file: entry.path().display().to_string() });
        }
        if kind.is_dir() {
            found.push((name, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}
