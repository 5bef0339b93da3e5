//! `modules.signed-by`: a module runs only if one of the policy's keys has signed the very bytes that are compiled.
//!
//! Signatures are those of the module signing tools (`wasmsign2` and its kin): Ed25519 over a SHA-256 of everything after the module's
//! first eight bytes. They stand detached, beside the module, or embedded, in a custom section `signature` that comes first.
//!
//! The signature is the first thing that is looked at after size and digest, and the only thing that is parsed before it holds. Its
//! reader takes lengths from the guest, so they are walked here first, within [`MAX_SIGNATURE`]. A signature over parts of a module is
//! refused: it would hold for a module whose end was cut off, too.

use std::collections::HashSet;

use gauntlet_policy::{Policy, PublicKey};
use gauntlet_target::TargetError;
use wasmsign2::{PublicKeySet, WSError};

use crate::Protections;

/// Most bytes of a signature; one with a single key has about 110.
const MAX_SIGNATURE: usize = 16 << 10;

/// The name of the section that an embedded signature stands in.
const SECTION: &[u8] = b"signature";

/// Why a module is not signed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Unsigned {
    /// There is no signature.
    #[error("it has no signature, and `modules.signed-by` asks for one")]
    Missing,
    /// What is there is no signature that is understood.
    #[error("its signature cannot be read: {0}")]
    Malformed(&'static str),
    /// None of the keys signed these bytes.
    #[error("none of the keys in `modules.signed-by` has signed these bytes")]
    Other,
}

/// The keys of a policy.
///
/// # Errors
///
/// If one of them cannot be read.
pub(crate) fn keys(policy: &Policy) -> Result<Vec<PublicKey>, TargetError> {
    let read = |text: &str| {
        PublicKey::parse(text).ok_or_else(|| TargetError::LimitUnenforced {
            key: "modules.signed-by".into(),
            why: "a key is neither hex, base64, PEM nor OpenSSH of an Ed25519 key".into(),
        })
    };
    policy.modules.signed_by.iter().map(|key| read(&key.value)).collect()
}

/// Whether one of the policy's keys has signed these bytes; a policy without keys asks for none.
pub(crate) fn check(
    guest: &[u8],
    detached: Option<&[u8]>,
    policy: &Policy,
    protections: &Protections,
) -> Result<(), Unsigned> {
    if policy.modules.signed_by.is_empty() || protections.lifted("modules") {
        return Ok(());
    }
    let keys = keys(policy).map_err(|_| Unsigned::Other)?;
    verify(guest, detached, &keys)
}

fn verify(guest: &[u8], detached: Option<&[u8]>, keys: &[PublicKey]) -> Result<(), Unsigned> {
    let signature = match detached {
        Some(signature) => signature,
        None => embedded(guest)?,
    };
    if signature.len() > MAX_SIGNATURE {
        return Err(Unsigned::Malformed("too long"));
    }
    walk(signature)?;
    let mut set = HashSet::new();
    for key in keys {
        let mut bytes = vec![1];
        bytes.extend_from_slice(key.as_bytes());
        if let Ok(key) = wasmsign2::PublicKey::from_bytes(&bytes) {
            set.insert(key);
        }
    }
    match PublicKeySet::new(set).verify(&mut &*guest, detached) {
        Ok(signers) if !signers.is_empty() => Ok(()),
        Ok(_) | Err(WSError::VerificationFailed) => Err(Unsigned::Other),
        Err(WSError::NoSignatures) => Err(Unsigned::Missing),
        Err(_) => Err(Unsigned::Malformed("not a signed module")),
    }
}

/// The signature inside of a module: its first section, if that is one.
fn embedded(guest: &[u8]) -> Result<&[u8], Unsigned> {
    let mut section = Walk(guest.get(8..).ok_or(Unsigned::Missing)?);
    if section.byte() != Some(0) {
        return Err(Unsigned::Missing);
    }
    let mut section = Walk(section.slice().ok_or(Unsigned::Malformed("its section is longer than the module"))?);
    match section.slice() {
        Some(SECTION) => Ok(section.0),
        _ => Err(Unsigned::Missing),
    }
}

/// Walks over a signature as its reader will, so that every length in it is known to lie within it.
fn walk(signature: &[u8]) -> Result<(), Unsigned> {
    let short = Unsigned::Malformed("a length in it leads out of it");
    let mut outer = Walk(signature);
    // Version, kind of content, hash function: the reader knows which it takes.
    for _ in 0..3 {
        outer.byte().ok_or(Unsigned::Malformed("too short"))?;
    }
    let sets = outer.number().ok_or(Unsigned::Malformed("too short"))?;
    for _ in 0..sets {
        let Some(set) = outer.slice() else { return Err(short) };
        let mut set = Walk(set);
        let hashes = set.number();
        if hashes != Some(1) {
            return Err(Unsigned::Malformed("it is over parts of the module, not over all of it"));
        }
        let signatures = set.skip(32).and_then(|()| set.number());
        let Some(signatures) = signatures else { return Err(short) };
        for _ in 0..signatures {
            let Some(one) = set.slice() else { return Err(short) };
            let mut one = Walk(one);
            if one.slice().and_then(|_| one.byte()).and_then(|_| one.slice()).is_none() {
                return Err(short);
            }
        }
    }
    Ok(())
}

/// What is left of some bytes.
struct Walk<'a>(&'a [u8]);

impl<'a> Walk<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn skip(&mut self, length: usize) -> Option<()> {
        self.0 = self.0.get(length..)?;
        Some(())
    }

    /// A number of at most five groups of seven bits.
    fn number(&mut self) -> Option<usize> {
        let mut number = 0u64;
        for group in 0..5 {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << (group * 7);
            if byte & 0x80 == 0 {
                return usize::try_from(number).ok();
            }
        }
        None
    }

    fn slice(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        let (slice, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(slice)
    }
}

#[cfg(test)]
mod tests {
    use wasmsign2::{KeyPair, Module, Section, SectionLike as _};

    use super::*;

    fn public(pair: &KeyPair) -> PublicKey {
        let hex: String = pair.pk.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        PublicKey::parse(&hex).unwrap()
    }

    fn guest() -> Vec<u8> {
        wat::parse_str("(module (func (export \"f\")) (memory 1))").unwrap()
    }

    /// The module with its signature inside, and the signature alone.
    fn signed(guest: &[u8], pair: &KeyPair) -> (Vec<u8>, Vec<u8>) {
        let module = Module::deserialize(&mut &*guest).unwrap();
        let module = pair.sk.sign(module, None).unwrap();
        let Section::Custom(first) = &module.sections[0] else { panic!("a signature comes first") };
        let mut bytes = Vec::new();
        module.serialize(&mut bytes).unwrap();
        (bytes, first.payload().to_vec())
    }

    #[test]
    fn embedded_and_detached_signatures_hold() {
        let pair = KeyPair::generate();
        let (embedded, detached) = signed(&guest(), &pair);
        let keys = [public(&KeyPair::generate()), public(&pair)];
        assert_eq!(verify(&embedded, None, &keys), Ok(()));
        assert_eq!(verify(&guest(), Some(&detached), &keys), Ok(()));
        let component = wat::parse_str("(component (core module (func)))").unwrap();
        let (embedded, detached) = signed(&component, &pair);
        assert_eq!(verify(&embedded, None, &keys), Ok(()));
        assert_eq!(verify(&component, Some(&detached), &keys), Ok(()));
    }

    #[test]
    fn no_signature_another_key_and_other_bytes_are_told_apart() {
        let pair = KeyPair::generate();
        let (embedded, detached) = signed(&guest(), &pair);
        assert_eq!(verify(&guest(), None, &[public(&pair)]), Err(Unsigned::Missing));
        assert_eq!(verify(&embedded, None, &[public(&KeyPair::generate())]), Err(Unsigned::Other));
        assert_eq!(verify(&embedded, None, &[]), Err(Unsigned::Other));
        let mut other = embedded.clone();
        *other.last_mut().unwrap() ^= 1;
        assert_eq!(verify(&other, None, &[public(&pair)]), Err(Unsigned::Other));
        let mut more = guest();
        more.extend_from_slice(&[0, 2, 1, b'x']);
        assert_eq!(verify(&more, Some(&detached), &[public(&pair)]), Err(Unsigned::Other));
    }

    #[test]
    fn a_signature_that_lies_about_its_lengths_is_refused_before_anything_is_reserved() {
        let pair = KeyPair::generate();
        let keys = [public(&pair)];
        let (embedded, detached) = signed(&guest(), &pair);
        // A length of nearly 4 GiB in every place where a byte stands, and every cut.
        for at in 0..detached.len() {
            let mut lying = detached.clone();
            lying.splice(at..=at, [0xff, 0xff, 0xff, 0xff, 0x0f]);
            assert!(verify(&guest(), Some(&lying), &keys).is_err(), "at {at}");
            assert!(verify(&guest(), Some(&detached[..at]), &keys).is_err(), "cut at {at}");
        }
        let mut lying = embedded.clone();
        lying.splice(9..10, [0xff, 0xff, 0xff, 0xff, 0x0f]);
        assert!(matches!(verify(&lying, None, &keys), Err(Unsigned::Malformed(_))));
        assert!(verify(b"", None, &keys).is_err());
        assert!(verify(b"\0asm\x01\0\0\0", None, &keys).is_err());
        assert!(verify(&guest(), Some(&vec![1; MAX_SIGNATURE + 1]), &keys).is_err());
    }

    #[test]
    fn a_signature_over_parts_is_refused() {
        let pair = KeyPair::generate();
        // One set with two hashes, as the tools write it for a module that is split.
        let mut parts = vec![1, 1, 1, 1, 66, 2];
        parts.extend_from_slice(&[0; 64]);
        parts.push(0);
        let refused = Unsigned::Malformed("it is over parts of the module, not over all of it");
        assert_eq!(verify(&guest(), Some(&parts), &[public(&pair)]), Err(refused));
    }
}
