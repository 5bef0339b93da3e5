//! A played file system: a tree of files in a private directory that is gone with the value.

use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::{env, fs};

/// How often a name is tried that somebody else may have taken.
const TRIES: u32 = 16;

/// A tree of files for a guest to work on. Clones share it; it is removed with the last of them.
#[derive(Debug, Clone)]
pub struct MockFiles {
    root: Arc<Root>,
}

#[derive(Debug)]
struct Root(PathBuf);

impl Drop for Root {
    fn drop(&mut self) {
        // Nothing is followed: what a guest left behind may be links.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl MockFiles {
    /// Makes an empty tree, which nobody else may enter.
    ///
    /// # Errors
    ///
    /// If the system gives no directory or no random name.
    pub fn new() -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        let mut random = fs::File::open("/dev/urandom")?;
        for _ in 0..TRIES {
            let mut name = [0; 8];
            random.read_exact(&mut name)?;
            let root = env::temp_dir().join(format!("gauntlet-files-{:016x}", u64::from_le_bytes(name)));
            match fs::DirBuilder::new().mode(0o700).create(&root) {
                Ok(()) => return Ok(Self { root: Arc::new(Root(root)) }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Adds a file, and the directories above it.
    ///
    /// # Errors
    ///
    /// If the path leaves the tree, or the system fails.
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> io::Result<Self> {
        let path = self.inside(path)?;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)?;
        Ok(self)
    }

    /// Adds an empty directory, and those above it.
    ///
    /// # Errors
    ///
    /// If the path leaves the tree, or the system fails.
    pub fn directory(self, path: &str) -> io::Result<Self> {
        fs::create_dir_all(self.inside(path)?)?;
        Ok(self)
    }

    /// Adds a symbolic link, which may lead anywhere: for guests that follow them.
    ///
    /// # Errors
    ///
    /// If the path leaves the tree, or the system fails.
    pub fn link(self, path: &str, target: impl AsRef<Path>) -> io::Result<Self> {
        std::os::unix::fs::symlink(target, self.inside(path)?)?;
        Ok(self)
    }

    /// What a file holds now.
    ///
    /// # Errors
    ///
    /// If the path leaves the tree, or there is no such file.
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        fs::read(self.inside(path)?)
    }

    /// Whether there is something at a path now, a dangling link included.
    #[must_use]
    pub fn exists(&self, path: &str) -> bool {
        self.inside(path).is_ok_and(|path| fs::symlink_metadata(path).is_ok())
    }

    /// Where a path of the tree lies on the host: what is granted to a guest.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.inside(path).unwrap_or_else(|_| self.root.0.clone())
    }

    /// A path of the tree, on the host.
    fn inside(&self, path: &str) -> io::Result<PathBuf> {
        let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if plain { Ok(self.root.0.join(path)) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_private_and_gone_with_its_value() {
        let files = MockFiles::new().unwrap().file("a/b.txt", "x").unwrap().directory("empty").unwrap();
        let files = files.link("out", "/etc/hostname").unwrap();
        let root = files.path("");
        assert_eq!(files.read("a/b.txt").unwrap(), b"x");
        assert!(files.exists("empty") && files.exists("out") && !files.exists("b"));
        assert!(files.clone().file("../escape", "").is_err());
        assert!(files.read("/etc/hostname").is_err());
        drop(files);
        assert!(!root.exists());
    }
}
