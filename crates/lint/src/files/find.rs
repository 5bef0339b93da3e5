//! Which files are meant: by name, by folder, by pattern.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gauntlet_policy::{MAX_POLICY_BYTES, read_limited};

use super::pattern;
use crate::foreign;

/// The name that means standard input.
pub const STDIN: &str = "-";
/// Most entries of folders that are looked at.
const MAX_ENTRIES: usize = 200_000;
/// Deepest folders that are walked.
const MAX_DEPTH: usize = 64;
/// Folders of tools, which hold nothing that somebody wrote here.
const SKIPPED: &[&str] = &[".git", ".hg", ".svn", "node_modules", "target", "vendor"];
/// Endings of files that may be policies.
const ENDINGS: &[&str] = &["yaml", "yml", "toml", "json"];
/// Keys at the top that a file has beside `version` when it is meant to be one of our policies.
const KEYS: &[&str] = &["limits", "grants", "features", "modules", "isolation", "extends", "per-tenant", "on-denial"];

/// A file to lint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// The file; [`STDIN`] is standard input.
    pub path: PathBuf,
    /// Whether it was named itself, and not found in a folder.
    pub named: bool,
}

/// A path that leads to no files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// A folder cannot be read.
    #[error("cannot read the folder `{}`", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// There are more entries than are looked at.
    #[error("more than {MAX_ENTRIES} entries below `{}`", .0.display())]
    TooMany(PathBuf),
    /// A folder or pattern holds no policy.
    #[error("no policy in `{0}`")]
    Nothing(String),
}

/// The files that paths mean, in the order of the paths; those of one folder or pattern in the order of their names. None comes twice.
///
/// A file that is named is taken as it is. In folders, `*.yaml`, `*.yml`, `*.toml` and `*.json` are taken if they look like a policy: one
/// of ours, or of another host that [`foreign::recognise`] knows. The folders of version control and builds are left out.
///
/// # Errors
///
/// If a folder cannot be read, is too large, or holds no policy.
pub fn find(paths: &[PathBuf]) -> Result<Vec<Found>, FindError> {
    let mut all = Vec::new();
    let mut seen = BTreeSet::new();
    for path in paths {
        let shown = path.to_str().unwrap_or_default();
        let found = if shown == STDIN || path.is_file() {
            vec![Found { path: path.clone(), named: true }]
        } else if path.is_dir() {
            let mut walk = Walk::default();
            walk.folder(path, 0, &|_| true)?;
            looking(walk.files)
        } else if pattern::is_pattern(shown) {
            let (root, rest) = pattern::split(shown);
            let root = PathBuf::from(root);
            let fits = |file: &Path| {
                let names = file.strip_prefix(&root).unwrap_or(file).components();
                let names: Option<Vec<&str>> = names.map(|name| name.as_os_str().to_str()).collect();
                names.is_some_and(|names| pattern::matches(&rest, &names))
            };
            let mut walk = Walk::default();
            if root.is_dir() {
                walk.folder(&root, 0, &fits)?;
            }
            // Whoever writes `*.yaml` in quotes may mean a folder of many kinds of files.
            looking(
                walk.files
                    .into_iter()
                    .map(|path| path.strip_prefix("./").map_or(path.clone(), Path::to_path_buf))
                    .collect(),
            )
        } else {
            // It is not there, or no file: reading it says so.
            vec![Found { path: path.clone(), named: true }]
        };
        if found.is_empty() {
            return Err(FindError::Nothing(path.display().to_string()));
        }
        all.extend(found.into_iter().filter(|found| seen.insert(found.path.clone())));
    }
    Ok(all)
}

fn looking(files: Vec<PathBuf>) -> Vec<Found> {
    let mut files: Vec<PathBuf> = files.into_iter().filter(|file| looks_like_a_policy(file)).collect();
    files.sort();
    files.into_iter().map(|path| Found { path, named: false }).collect()
}

#[derive(Default)]
struct Walk {
    files: Vec<PathBuf>,
    entries: usize,
}

impl Walk {
    fn folder(&mut self, folder: &Path, depth: usize, wanted: &dyn Fn(&Path) -> bool) -> Result<(), FindError> {
        let failed = |source| FindError::Folder { folder: folder.to_path_buf(), source };
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return Err(FindError::TooMany(folder.to_path_buf()));
            }
            // The kind of the entry itself: a link is neither.
            let kind = entry.file_type().map_err(failed)?;
            let path = entry.path();
            let skipped = entry.file_name().to_str().is_some_and(|name| SKIPPED.contains(&name));
            if kind.is_dir() && depth < MAX_DEPTH && !skipped {
                self.folder(&path, depth + 1, wanted)?;
            } else if kind.is_file() && has_ending(&path) && wanted(&path) {
                self.files.push(path);
            }
        }
        Ok(())
    }
}

fn has_ending(path: &Path) -> bool {
    path.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| ENDINGS.contains(&ending))
}

fn looks_like_a_policy(path: &Path) -> bool {
    let Ok(bytes) = read_limited(path, MAX_POLICY_BYTES) else { return false };
    let Ok(text) = String::from_utf8(bytes) else { return false };
    is_ours(&text) || foreign::recognise(&text).is_some()
}

/// Whether a text is meant to be one of our policies, by the keys at its top. It need not be sound, so it is not parsed.
pub(super) fn is_ours(text: &str) -> bool {
    let has = |key: &str| {
        text.lines().any(|line| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':')))
    };
    has("version") && KEYS.iter().any(|key| has(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "version: 1\nlimits: { memory: 1MiB }\n";

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn names(folder: &Path, path: &str) -> Vec<String> {
        let found = find(&[folder.join(path)]).unwrap_or_default();
        found.iter().map(|found| found.path.strip_prefix(folder).unwrap().display().to_string()).collect()
    }

    #[test]
    fn folders_are_walked_for_what_looks_like_a_policy() {
        let compose = "version: '3'\nservices: { limits: 1 }\n";
        let spin = "spin_manifest_version = 2\n[application]\nname = \"a\"\n[component.a]\nsource = \"a.wasm\"\n";
        let folder = folder(&[
            ("b/z.yaml", OURS),
            ("b/a.yml", OURS),
            ("a.yaml", "version: 1\nlimits: [\n"),
            ("compose.yaml", compose),
            ("spin.toml", spin),
            ("node_modules/x.yaml", OURS),
            (".git/x.yaml", OURS),
            ("notes.txt", OURS),
            ("Cargo.toml", "[package]\nname = \"a\"\nversion = \"1.0.0\"\n"),
        ]);
        assert_eq!(names(folder.path(), ""), ["a.yaml", "b/a.yml", "b/z.yaml", "spin.toml"]);
        assert_eq!(names(folder.path(), "**/*.yaml"), ["a.yaml", "b/z.yaml"]);
        assert_eq!(names(folder.path(), "b/?.y*ml"), ["b/a.yml", "b/z.yaml"]);
        assert_eq!(names(folder.path(), "compose.yaml"), ["compose.yaml"]);
        let again = find(&[folder.path().join("a.yaml"), folder.path().to_path_buf()]).unwrap();
        assert_eq!(again.len(), 4);
        assert!(again[0].named && !again[1].named);
    }

    #[test]
    fn a_folder_without_a_policy_is_an_error_and_a_missing_file_is_left_to_reading() {
        let folder = folder(&[("a.txt", OURS)]);
        assert!(matches!(find(&[folder.path().to_path_buf()]), Err(FindError::Nothing(_))));
        assert!(matches!(find(&[folder.path().join("*.yaml")]), Err(FindError::Nothing(_))));
        assert_eq!(find(&[folder.path().join("b.yaml")]).unwrap().len(), 1);
        assert_eq!(find(&[PathBuf::from("-")]).unwrap()[0].path, Path::new("-"));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let folder = folder(&[("a.yaml", OURS)]);
        std::os::unix::fs::symlink(folder.path(), folder.path().join("round")).unwrap();
        std::os::unix::fs::symlink("a.yaml", folder.path().join("b.yaml")).unwrap();
        assert_eq!(names(folder.path(), ""), ["a.yaml"]);
    }
}
