//! Replacing a file whole, or not at all.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

/// Writes `text` in the place of what the file holds, if it still holds `expected`.
///
/// The new text goes to a temporary file in the same folder, is synced, gets the old file's permissions and takes its name: whoever looks,
/// or is left with the disk after a crash, finds the old file or the new one. A link stays a link, and what it leads to is replaced.
///
/// # Errors
///
/// What the system answered; `InvalidData` if the file holds something else by now. The old file is as it was.
pub fn replace(path: &Path, expected: &str, text: &str) -> io::Result<()> {
    let path = path.canonicalize()?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let permissions = fs::metadata(&path)?.permissions();
    let mut file = tempfile::Builder::new().prefix(".gauntlet-").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(permissions)?;
    file.as_file().sync_all()?;
    if fs::read(&path)? != expected.as_bytes() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it was changed while it was linted"));
    }
    file.persist(&path).map_err(|error| error.error)?;
    // The name, too, has to be on the disk. Systems that cannot sync a folder keep names in order themselves.
    if let Ok(folder) = fs::File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Writes `text` to a file that is not there yet or may be replaced, whole or not at all.
///
/// # Errors
///
/// What the system answered.
pub fn put(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".gauntlet-");
    // Unlike other temporary files it is for everybody whom the user's mask lets in.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.yaml");
        fs::write(&path, "old").unwrap();
        replace(&path, "old", "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(folder.path()), ["p.yaml"]);
    }

    #[test]
    fn a_file_that_changed_since_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.yaml");
        fs::write(&path, "newer").unwrap();
        assert_eq!(replace(&path, "old", "new").unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(fs::read_to_string(&path).unwrap(), "newer");
        assert_eq!(names(folder.path()), ["p.yaml"]);
        assert!(replace(&folder.path().join("nobody"), "", "x").is_err());
    }

    #[test]
    fn a_new_file_is_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.json");
        put(&path, "one").unwrap();
        put(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(names(folder.path()), ["b.json"]);
    }

    #[cfg(unix)]
    #[test]
    fn mode_and_link_are_kept() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("p.yaml"), folder.path().join("l.yaml"));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("p.yaml", &link).unwrap();
        replace(&link, "old", "new").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_takes_no_new_file_keeps_the_old_one() {
        // Root may write anywhere, so the folder is made one that nobody can: a file stands where it would be.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.yaml");
        fs::write(&path, "old").unwrap();
        assert!(replace(&path.join("below"), "old", "new").is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    }
}
