//! What is kept of a finding: the wasm and the policy, so that it stays what it was when the generator changes.

use std::path::{Path, PathBuf};
use std::{fs, io};

use gauntlet_record::digest;

/// A guest and a policy under which an oracle found something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crash {
    /// The oracle's id.
    pub oracle: String,
    /// The guest.
    pub wasm: Vec<u8>,
    /// The text of the policy in force.
    pub policy_text: String,
    /// What was found, escaped and cut.
    pub message: String,
    /// The seed that the guest was made from; 0 for bytes that were given.
    pub seed: u64,
    /// The number of the case under that seed.
    pub case: u64,
}

impl Crash {
    /// The name it is stored under: the oracle and the start of the digest of wasm and policy. The same guest is stored once.
    #[must_use]
    pub fn name(&self) -> String {
        let mut both = self.wasm.clone();
        both.extend_from_slice(self.policy_text.as_bytes());
        format!("{}-{}", self.oracle, &digest(&both)[..16])
    }

    /// Stores it as a folder of its own under `dir`: `crash.wasm`, `policy.yaml`, and `crash.txt` with what was found. Gives the folder.
    ///
    /// # Errors
    ///
    /// If the folder or a file cannot be written.
    pub fn store(&self, dir: &Path) -> io::Result<PathBuf> {
        let folder = dir.join(self.name());
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("crash.wasm"), &self.wasm)?;
        fs::write(folder.join("policy.yaml"), &self.policy_text)?;
        let note =
            format!("oracle: {}\nseed: {}\ncase: {}\nmessage: {}\n", self.oracle, self.seed, self.case, self.message);
        fs::write(folder.join("crash.txt"), note)?;
        Ok(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_is_stored_as_wasm_and_policy_once() {
        let dir = tempfile::tempdir().unwrap();
        let crash = Crash {
            oracle: "no-host-panic".into(),
            wasm: b"\0asm\x01\0\0\0".to_vec(),
            policy_text: "version: 1\n".into(),
            message: "index out of bounds".into(),
            seed: 7,
            case: 12,
        };
        let folder = crash.store(dir.path()).unwrap();
        assert_eq!(Crash { seed: 8, message: "another".into(), ..crash.clone() }.store(dir.path()).unwrap(), folder);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(fs::read(folder.join("crash.wasm")).unwrap(), crash.wasm);
        assert_eq!(fs::read_to_string(folder.join("policy.yaml")).unwrap(), crash.policy_text);
        assert_eq!(
            fs::read_to_string(folder.join("crash.txt")).unwrap(),
            "oracle: no-host-panic\nseed: 8\ncase: 12\nmessage: another\n"
        );
        let other = Crash { policy_text: "version: 1\nlimits: {}\n".into(), ..crash.clone() };
        assert_ne!(other.name(), crash.name());
    }
}
