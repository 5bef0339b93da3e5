//! Keys in files: PEM, as `openssl genpkey` and `gauntlet report keygen` write them.
//!
//! Ed25519 is for our own `verify`. ECDSA P-256 is for consumers that know no other, cosign among them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    UnparsedPublicKey,
};

use super::merkle::digest;

/// What comes before the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410, section 4).
const ED25519_INFO: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// What comes before the 65 bytes of an uncompressed point on P-256 in a SubjectPublicKeyInfo (RFC 5480, section 2).
const P256_INFO: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Most bytes of a key file.
pub const MAX_KEY_BYTES: usize = 16 << 10;

/// A kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Ed25519.
    Ed25519,
    /// ECDSA on P-256 with SHA-256.
    EcdsaP256,
}

impl KeyKind {
    /// Its name for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "Ed25519",
            Self::EcdsaP256 => "ECDSA P-256",
        }
    }
}

/// A key that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It is no PEM of the kind that is needed.
    #[error("it is no PEM file with a `{0}` in it")]
    Pem(&'static str),
    /// It is encrypted, or of another kind.
    #[error(
        "it is no unencrypted Ed25519 or P-256 key in PKCS#8, as `openssl genpkey` or `gauntlet report keygen` write it"
    )]
    Kind,
    /// The system has no random numbers, or the key refuses to sign.
    #[error("the system did not let it sign")]
    Sign,
}

/// A private key.
pub struct SigningKey {
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    Ed25519(Box<Ed25519KeyPair>),
    EcdsaP256(Box<EcdsaKeyPair>),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("public", &self.public).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// If it is no unencrypted PKCS#8 key of a kind that we know.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let der = unwrap_pem(text, "PRIVATE KEY")?;
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der) {
            let public = PublicKey { kind: KeyKind::Ed25519, bytes: pair.public_key().as_ref().to_vec() };
            return Ok(Self { pair: Pair::Ed25519(Box::new(pair)), public });
        }
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der, &SystemRandom::new())
            .map_err(|_| KeyError::Kind)?;
        let public = PublicKey { kind: KeyKind::EcdsaP256, bytes: pair.public_key().as_ref().to_vec() };
        Ok(Self { pair: Pair::EcdsaP256(Box::new(pair)), public })
    }

    /// Makes a new one, as PEM.
    ///
    /// # Errors
    ///
    /// If the system has no random numbers.
    pub fn generate(kind: KeyKind) -> Result<String, KeyError> {
        let random = SystemRandom::new();
        let document = match kind {
            KeyKind::Ed25519 => Ed25519KeyPair::generate_pkcs8(&random),
            KeyKind::EcdsaP256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random),
        };
        Ok(wrap_pem("PRIVATE KEY", document.map_err(|_| KeyError::Sign)?.as_ref()))
    }

    /// Its public side.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.pair {
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::EcdsaP256(pair) => {
                pair.sign(&SystemRandom::new(), message).map(|sig| sig.as_ref().to_vec()).map_err(|_| KeyError::Sign)
            }
        }
    }
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: KeyKind,
    bytes: Vec<u8>,
}

impl PublicKey {
    /// Reads one: a public key, or the public side of a private one.
    ///
    /// # Errors
    ///
    /// If it is neither, or of a kind that we do not know.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        if text.contains("PRIVATE KEY-----") {
            return Ok(SigningKey::from_pem(text)?.public);
        }
        let der = unwrap_pem(text, "PUBLIC KEY")?;
        let known = [(KeyKind::Ed25519, ED25519_INFO, 32), (KeyKind::EcdsaP256, P256_INFO, 65)];
        known
            .into_iter()
            .find_map(|(kind, info, length)| {
                let bytes = der.strip_prefix(info)?;
                (bytes.len() == length && (kind == KeyKind::Ed25519 || bytes[0] == 4))
                    .then(|| Self { kind, bytes: bytes.to_vec() })
            })
            .ok_or(KeyError::Kind)
    }

    /// As PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        wrap_pem("PUBLIC KEY", &self.der())
    }

    fn der(&self) -> Vec<u8> {
        let info = match self.kind {
            KeyKind::Ed25519 => ED25519_INFO,
            KeyKind::EcdsaP256 => P256_INFO,
        };
        [info, &self.bytes].concat()
    }

    /// What it is known by: the SHA-256 of its SubjectPublicKeyInfo, in hex.
    #[must_use]
    pub fn id(&self) -> String {
        digest(&self.der())
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self.kind {
            KeyKind::Ed25519 => UnparsedPublicKey::new(&ED25519, &self.bytes).verify(message, signature).is_ok(),
            KeyKind::EcdsaP256 => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.bytes).verify(message, signature).is_ok()
            }
        }
    }
}

/// The bytes in a PEM file with nothing else in it.
fn unwrap_pem(text: &str, label: &'static str) -> Result<Vec<u8>, KeyError> {
    let error = KeyError::Pem(label);
    if text.len() > MAX_KEY_BYTES {
        return Err(error);
    }
    let inner = text
        .trim()
        .strip_prefix(&format!("-----BEGIN {label}-----"))
        .and_then(|rest| rest.strip_suffix(&format!("-----END {label}-----")))
        .ok_or(error.clone())?;
    let digits: String = inner.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(digits).map_err(|_| error)
}

fn wrap_pem(label: &str, der: &[u8]) -> String {
    let digits = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = digits.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    text + &format!("-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_each_kind_signs_and_reads_back() {
        for kind in [KeyKind::Ed25519, KeyKind::EcdsaP256] {
            let key = SigningKey::from_pem(&SigningKey::generate(kind).unwrap()).unwrap();
            assert_eq!(key.public().kind(), kind);
            let public = PublicKey::from_pem(&key.public().to_pem()).unwrap();
            assert_eq!(&public, key.public());
            let signature = key.sign(b"message").unwrap();
            assert!(public.verifies(b"message", &signature));
            assert!(!public.verifies(b"massage", &signature));
            let other = SigningKey::from_pem(&SigningKey::generate(kind).unwrap()).unwrap();
            assert!(!other.public().verifies(b"message", &signature));
        }
    }

    #[test]
    fn keys_of_openssl_are_read() {
        // The key of RFC 8032, section 7.1, test 1, in the form that openssl writes.
        let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
        let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
        assert_eq!(SigningKey::from_pem(private).unwrap().public(), &PublicKey::from_pem(public).unwrap());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in [
            "",
            "x",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        ] {
            assert!(SigningKey::from_pem(text).is_err(), "{text}");
            assert!(PublicKey::from_pem(text).is_err(), "{text}");
        }
        assert!(SigningKey::from_pem(&"x".repeat(MAX_KEY_BYTES + 1)).is_err());
    }
}
