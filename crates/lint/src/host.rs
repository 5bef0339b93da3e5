//! What this host says of a granted path. Only rules whose input is the host ask here, so that `--no-host` asks nothing.
//!
//! Everything is looked at, nothing is opened but directories, and of those no more entries are read than a person would.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use gauntlet_policy::Policy;

use crate::Options;
use crate::paths::Mount;

/// Most entries of a directory that are looked at.
const MOST_ENTRIES: usize = 1_000;

/// A path of the policy on this host; `None` if it is a pattern or depends on the environment, which other rules find.
pub(crate) fn locate(path: &str, options: &Options) -> Option<PathBuf> {
    if path.is_empty() || path.starts_with('~') || path.contains(['$', '*', '?', '\0']) || path.contains("://") {
        return None;
    }
    match &options.base {
        Some(base) => Some(base.join(path)),
        None => std::path::absolute(path).ok(),
    }
}

/// The granted directories of a policy that this host can be asked about.
pub(crate) fn mounts<'p>(policy: &'p Policy, options: &Options) -> Vec<(Mount<'p>, PathBuf)> {
    let found = Mount::all(policy).into_iter();
    found.filter_map(|mount| locate(mount.path(), options).map(|path| (mount, path))).collect()
}

/// The first symbolic link on the way to a path, itself included.
pub(crate) fn first_link(path: &Path) -> Option<PathBuf> {
    let mut above: Vec<&Path> = path.ancestors().collect();
    above.reverse();
    above.into_iter().find(|part| part.is_symlink()).map(Path::to_owned)
}

/// The names in a directory, in order; none if it cannot be read.
pub(crate) fn names(path: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let entries = entries.take(MOST_ENTRIES).filter_map(Result::ok);
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// What the first name says that a test takes.
pub(crate) fn first_name(path: &Path, wanted: impl Fn(&str) -> bool) -> Option<String> {
    names(path).into_iter().find(|name| wanted(name))
}

/// Whether every user may write to it.
#[cfg(unix)]
pub(crate) fn is_open_to_others(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o002 != 0
}

/// Whether every user may write to it: unknown here.
#[cfg(not(unix))]
pub(crate) const fn is_open_to_others(_: &Metadata) -> bool {
    false
}

/// The user whom it belongs to, where there are numbers for them.
#[cfg(unix)]
pub(crate) fn owner(metadata: &Metadata) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    Some(metadata.uid())
}

/// The user whom it belongs to: unknown here.
#[cfg(not(unix))]
pub(crate) const fn owner(_: &Metadata) -> Option<u32> {
    None
}

/// The user of this process, as far as the system shows it in its files.
pub(crate) fn own_user() -> Option<u32> {
    fs::metadata("/proc/self").ok().as_ref().and_then(owner)
}

/// Whether it is a socket.
#[cfg(unix)]
pub(crate) fn is_socket(metadata: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    metadata.file_type().is_socket()
}

/// Whether it is a socket: there are none here.
#[cfg(not(unix))]
pub(crate) const fn is_socket(_: &Metadata) -> bool {
    false
}

/// The kind of file system that a path lies on, by the list of mounts; the innermost mount wins.
pub(crate) fn file_system(path: &Path, mountinfo: &str) -> Option<String> {
    let mut found: Option<(usize, &str)> = None;
    for line in mountinfo.lines() {
        let mut words = line.split(' ');
        let (Some(point), Some((_, behind))) = (words.nth(4), line.split_once(" - ")) else { continue };
        let (point, kind) = (point.replace("\\040", " "), behind.split(' ').next().unwrap_or_default());
        if path.starts_with(&point) && found.is_none_or(|(length, _)| point.len() >= length) {
            found = Some((point.len(), kind));
        }
    }
    found.map(|(_, kind)| kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plain_path_is_not_looked_for() {
        let options = Options::default();
        for path in ["", "~/x", "$HOME", "/srv/*", "fs:///srv", "a\0b"] {
            assert_eq!(locate(path, &options), None, "{path}");
        }
        let based = Options { base: Some(PathBuf::from("/base")), ..Options::default() };
        assert_eq!(locate("./x", &based), Some(PathBuf::from("/base/./x")));
        assert_eq!(locate("/x", &based), Some(PathBuf::from("/x")));
    }

    #[test]
    fn the_innermost_mount_tells_the_file_system() {
        let mounts = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
                      40 22 0:35 / /srv/shared\\040data rw - nfs4 host:/export rw\nnonsense\n41 22 0:36 / /srv/s rw\n";
        let kind = |path: &str| file_system(Path::new(path), mounts);
        assert_eq!(kind("/srv/shared data/x").as_deref(), Some("nfs4"));
        assert_eq!(kind("/srv/shared").as_deref(), Some("ext4"));
        assert_eq!(kind("relative"), None);
    }
}
