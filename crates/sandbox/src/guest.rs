//! A guest: the bytes of a module or component, with their digest.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gauntlet_policy::LoadError;

use crate::warm::{self, Digest};

/// Most bytes that are read of a guest's file, whatever the policy says afterwards.
pub const MAX_GUEST_BYTES: u64 = 512 << 20;

/// A guest that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the guest `{}`", .path.display())]
pub struct GuestError {
    /// The file.
    pub path: PathBuf,
    /// What the system answered, or that the file is none that could be a guest.
    pub source: io::Error,
}

/// The bytes of a module or component. Cheap to clone; the digest is taken once.
#[derive(Clone, PartialEq, Eq)]
pub struct Guest {
    bytes: Arc<[u8]>,
    digest: Digest,
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guest").field("bytes", &self.bytes.len()).field("sha256", &self.sha256()).finish()
    }
}

impl Guest {
    /// A guest of bytes that are at hand. Whether they are wasm is looked at when they are run.
    #[must_use]
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        let digest = warm::digest(&bytes);
        Self { bytes, digest }
    }

    /// Reads a guest from a regular file of at most [`MAX_GUEST_BYTES`].
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is no regular file or is too large.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, GuestError> {
        let path = path.as_ref();
        let bytes = gauntlet_policy::read_limited(path, MAX_GUEST_BYTES).map_err(|error| {
            let source = match error {
                LoadError::Io(error) => error,
                other => io::Error::new(io::ErrorKind::InvalidInput, other),
            };
            GuestError { path: path.to_owned(), source }
        })?;
        Ok(Self::new(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the bytes, in lower-case hex, as policies pin it.
    #[must_use]
    pub fn sha256(&self) -> String {
        use std::fmt::Write as _;
        self.digest.iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }
}

impl From<Vec<u8>> for Guest {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl From<&[u8]> for Guest {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_read_from_regular_files_only() {
        assert!(Guest::open("/dev/zero").is_err());
        assert!(Guest::open("/nonexistent").is_err());
        let guest = Guest::new(b"abc".to_vec());
        assert_eq!(guest.sha256(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
