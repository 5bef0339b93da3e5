//! The files of a bundle: a folder on disk, or a table in memory.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{fs, io};

use io::Read as _;

/// Most files of a bundle, and most bytes of one.
const MOST_FILES: usize = 10_000;
const MOST_BYTES: u64 = 1 << 30;
/// How deep folders may lie in each other.
const MOST_DEEP: usize = 8;

/// Files by their paths, with forward slashes.
pub trait Files {
    /// Every file, sorted.
    ///
    /// # Errors
    ///
    /// If they cannot be listed, or one of them is no regular file.
    fn names(&self) -> io::Result<Vec<String>>;

    /// A file's bytes.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;
}

/// Files in memory.
#[derive(Debug, Clone, Default)]
pub struct Memory(BTreeMap<String, Vec<u8>>);

impl Memory {
    /// Adds a file, or replaces one.
    pub fn insert(&mut self, name: &str, bytes: Vec<u8>) {
        self.0.insert(name.to_owned(), bytes);
    }

    /// Takes a file out.
    pub fn remove(&mut self, name: &str) -> Option<Vec<u8>> {
        self.0.remove(name)
    }

    /// A file's bytes, to change.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Vec<u8>> {
        self.0.get_mut(name)
    }
}

impl Files for Memory {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.0.keys().cloned().collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.0.get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// A folder. Links and special files in it are errors: they may change under what was signed.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at a path.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    fn walk(&self, below: &str, deep: usize, names: &mut Vec<String>) -> io::Result<()> {
        let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidInput, what);
        if deep > MOST_DEEP {
            return Err(invalid(format!("folders lie more than {MOST_DEEP} deep")));
        }
        for entry in fs::read_dir(self.0.join(below))? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_str().ok_or_else(|| invalid(format!("{} is not UTF-8", name.display())))?;
            let path = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.walk(&path, deep + 1, names)?;
            } else if kind.is_file() {
                names.push(path);
            } else {
                return Err(invalid(format!("`{path}` is no regular file")));
            }
            if names.len() > MOST_FILES {
                return Err(invalid(format!("more than {MOST_FILES} files")));
            }
        }
        Ok(())
    }
}

impl Files for Folder {
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        self.walk("", 0, &mut names)?;
        names.sort();
        Ok(names)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let path = self.0.join(name);
        if !fs::symlink_metadata(&path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no regular file"));
        }
        let file = fs::File::open(path)?;
        let size = file.metadata()?.len();
        let mut bytes = Vec::with_capacity(usize::try_from(size.min(MOST_BYTES)).unwrap_or(0));
        file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "larger than 1 GiB"));
        }
        Ok(bytes)
    }
}
