//! A bundle: a folder with a record, the reports of it, and attestations by which all of it can be verified later, offline.
//!
//! Three in-toto statements say what is attested: our own (the record and every file by digest, what the record comes to and what it
//! holds for), a test result and a simple verification result for consumers that know no more. Signed, each lies in a DSSE envelope
//! (`evidence.dsse.json`); unsigned, it is plain (`evidence.intoto.json`), with its predicate beside it for services that sign without
//! a key of ours.
//!
//! ```
//! use gauntlet_report::bundle::{self, KeyKind, Memory, Now, SigningKey};
//!
//! let mut files = Memory::default();
//! let mut record = Vec::new();
//! gauntlet_record::write_json(&gauntlet_record::example(), &mut record)?;
//! files.insert("record.json", record);
//! let key = SigningKey::from_pem(&SigningKey::generate(KeyKind::Ed25519)?)?;
//! for (name, bytes) in bundle::sign(&files, Some(&key))? {
//!     files.insert(&name, bytes);
//! }
//! let verified = bundle::verify(&files, Some(key.public()), &|_| Now::default())?;
//! assert_eq!(verified.broken, Vec::<String>::new());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod disclosure;
mod dsse;
mod files;
mod keys;
mod merkle;
mod statement;
mod verify;

use std::io;

use gauntlet_record::{Fault, ReadError, faults};
use serde_json::Value;

pub use disclosure::{disclose, verify_disclosure};
pub use files::{Files, Folder, Memory};
pub use keys::{KeyError, KeyKind, MAX_KEY_BYTES, PublicKey, SigningKey};
pub use merkle::digest;
pub use verify::{Now, Verification, verify};

use dsse::Envelope;
use statement::{Entry, STEMS, statements};

/// The record of a bundle.
pub(crate) const RECORD: &str = "record.json";
/// The public side of the key that signed it.
pub(crate) const SIGNER: &str = "signer.pub";
const SIGNED: &str = ".dsse.json";
const UNSIGNED: &str = ".intoto.json";
const PREDICATE: &str = ".predicate.json";

/// A folder that cannot be signed, or that is no bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// A file cannot be read.
    #[error("cannot read `{name}`")]
    Io {
        /// Which one.
        name: String,
        /// What the system answered.
        source: io::Error,
    },
    /// There is no record in it, or none that can be read.
    #[error("cannot use its `{RECORD}`")]
    Record(#[source] ReadError),
    /// The record does not agree with itself.
    #[error("its record does not agree with itself: {0}")]
    Faults(Fault),
    /// It was never signed.
    #[error("there is no attestation in it: `gauntlet report sign` makes them")]
    NoAttestation,
    /// The key does not sign.
    #[error("cannot sign")]
    Key(#[from] KeyError),
    /// There is no such trial.
    #[error("there is no trial `{0}` in its record")]
    NoTrial(String),
    /// There are several trials of this attack.
    #[error("there are several trials of `{0}` in its record: name the target")]
    SeveralTrials(String),
    /// A disclosure that is none.
    #[error("it is no disclosed trial: {0}")]
    NoDisclosure(serde_json::Error),
}

/// Whether a file is made by signing, and so no part of what is signed.
#[must_use]
pub fn is_attestation(name: &str) -> bool {
    name == SIGNER
        || STEMS
            .iter()
            .any(|stem| name.strip_prefix(stem).is_some_and(|rest| matches!(rest, SIGNED | UNSIGNED | PREDICATE)))
}

/// The names of the files that signing makes.
#[must_use]
pub fn attestations(signed: bool) -> Vec<String> {
    let ends: &[&str] = if signed { &[SIGNED] } else { &[UNSIGNED, PREDICATE] };
    let names = STEMS.iter().flat_map(|stem| ends.iter().map(move |end| format!("{stem}{end}")));
    names.chain(signed.then(|| SIGNER.to_owned())).collect()
}

/// The attestations of a folder: the files to add to it, by name. Those of an earlier signature that are not among them have to go.
///
/// # Errors
///
/// If a file cannot be read, or the record is none that agrees with itself: what cannot be is not attested.
pub fn sign(files: &dyn Files, key: Option<&SigningKey>) -> Result<Vec<(String, Vec<u8>)>, BundleError> {
    let (payloads, _) = payloads(files)?;
    let mut made = Vec::new();
    for (stem, statement) in STEMS.iter().zip(payloads) {
        let payload = canonical(&statement);
        match key {
            Some(key) => {
                made.push((format!("{stem}{SIGNED}"), Envelope::sign(payload.as_bytes(), key)?.to_json().into_bytes()));
            }
            None => {
                made.push((format!("{stem}{PREDICATE}"), canonical(&statement["predicate"]).into_bytes()));
                made.push((format!("{stem}{UNSIGNED}"), payload.into_bytes()));
            }
        }
    }
    if let Some(key) = key {
        made.push((SIGNER.to_owned(), key.public().to_pem().into_bytes()));
    }
    Ok(made)
}

/// The statements that follow from the files as they are, and the record among them.
fn payloads(files: &dyn Files) -> Result<([Value; 3], gauntlet_record::Record), BundleError> {
    let read = |name: &str| files.read(name).map_err(|source| BundleError::Io { name: name.to_owned(), source });
    let mut entries = Vec::new();
    let mut record = None;
    for name in files.names().map_err(|source| BundleError::Io { name: ".".to_owned(), source })? {
        if is_attestation(&name) {
            continue;
        }
        let bytes = read(&name)?;
        // The record is the largest of the files by far, and is hashed while it is read.
        let (sha256, parsed) = std::thread::scope(|scope| {
            let sha256 = scope.spawn(|| merkle::digest(&bytes));
            let parsed = (name == RECORD).then(|| gauntlet_record::parse(&bytes));
            (sha256.join().expect("hashing does not panic"), parsed)
        });
        if let Some(parsed) = parsed {
            record = Some(parsed.map_err(BundleError::Record)?);
        }
        entries.push(Entry { sha256, bytes: bytes.len() as u64, name });
    }
    let missing = || BundleError::Record(ReadError::Io(io::ErrorKind::NotFound.into()));
    let record = record.ok_or_else(missing)?;
    if let Some(fault) = faults(&record).into_iter().next() {
        return Err(BundleError::Faults(fault));
    }
    let leaves = merkle::leaves(&record.trials).map_err(|error| BundleError::Record(ReadError::Json(error)))?;
    Ok((statements(&record, &leaves, &entries), record))
}

/// The one spelling of a statement.
fn canonical(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("a value is JSON") + "\n"
}
