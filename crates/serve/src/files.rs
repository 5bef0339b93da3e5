//! The files of one run: a directory that is gone when the run is over.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use gauntlet_policy::{Access, FileGrant, Span, Spanned};
use gauntlet_sandbox::audit::RunId;

use crate::languages::FILES;

/// The unprivileged user that files of a run belong to, where the service is root.
const NOBODY: u32 = 65534;

/// A directory with the files of a run.
#[derive(Debug)]
pub(crate) struct RunFiles(PathBuf);

impl RunFiles {
    /// Writes files into a directory of their own below `parent`. Their names were checked.
    pub(crate) fn make(parent: &Path, files: &[(PathBuf, Vec<u8>)]) -> io::Result<Self> {
        let made = Self(parent.join(RunId::draw()?.to_string()));
        // Whoever else is on this host cannot list the parent, and so does not know the name.
        directory(&made.0, 0o755)?;
        for (path, bytes) in files {
            let path = made.0.join(path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::OpenOptions::new().write(true).create_new(true).open(path)?.write_all(bytes)?;
        }
        if rustix::process::geteuid().is_root() {
            // The executor runs as the owner of what it is granted.
            std::os::unix::fs::chown(&made.0, Some(NOBODY), Some(NOBODY))?;
        }
        Ok(made)
    }

    /// The grant that lets a program read them.
    pub(crate) fn grant(&self) -> FileGrant {
        let text = |value: String| Spanned { value, span: Span::default() };
        FileGrant {
            host: text(self.0.to_string_lossy().into_owned()),
            guest: text(FILES.to_owned()),
            guest_named: true,
            access: Spanned { value: Access::ReadOnly, span: Span::default() },
            reason: Some(text("the files of the request".to_owned())),
            span: Span::default(),
        }
    }
}

impl Drop for RunFiles {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::error!(%error, "the files of a run could not be removed");
        }
    }
}

/// Makes a directory with exactly these permissions.
pub(crate) fn directory(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    fs::DirBuilder::new().recursive(true).mode(mode).create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}
