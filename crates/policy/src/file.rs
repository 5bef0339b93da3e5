//! Reading a policy from disk: regular files only, and never more of them than a policy can be.

use std::io::{self, Read as _};
use std::path::Path;
use std::{fs, str};

use crate::{Fault, Policy};

/// Most bytes of a policy.
pub const MAX_POLICY_BYTES: u64 = 1 << 20;

/// A policy that cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read it")]
    Io(#[from] io::Error),
    /// The file is no regular file.
    #[error("not a regular file")]
    NotAFile,
    /// The file is larger than it may be.
    #[error("larger than {0} bytes")]
    TooLarge(u64),
    /// The file is not UTF-8.
    #[error("not UTF-8 at byte {0}")]
    NotUtf8(usize),
    /// The text has faults.
    #[error("{} structural fault(s)", .faults.len())]
    Faults {
        /// The text, for drawing the faults.
        text: String,
        /// The faults.
        faults: Vec<Fault>,
    },
}

/// Reads and parses a policy, and what it extends. `name` is how messages call the file.
///
/// # Errors
///
/// If the file cannot be read, is no regular file, is too large, is not UTF-8 or has structural faults.
pub fn load(name: &str, path: &Path) -> Result<Policy, LoadError> {
    let bytes = read_limited(path, MAX_POLICY_BYTES)?;
    let text = str::from_utf8(&bytes).map_err(|error| LoadError::NotUtf8(error.valid_up_to()))?;
    Policy::parse_beside(name, text, path).map_err(|faults| LoadError::Faults { text: text.to_owned(), faults })
}

/// Reads a regular file of at most `limit` bytes, whatever the file system claims about its size. Opening neither follows into a
/// FIFO nor blocks on one: the kind of the file is checked first and again on the open descriptor.
///
/// # Errors
///
/// If the file cannot be read, is no regular file or is too large.
pub fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, LoadError> {
    if !fs::metadata(path)?.is_file() {
        return Err(LoadError::NotAFile);
    }
    let file = fs::File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(LoadError::NotAFile);
    }
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(LoadError::TooLarge(limit));
    }
    Ok(bytes)
}
