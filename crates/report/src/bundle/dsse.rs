//! The envelope: a payload with its type and its signatures. Source: secure-systems-lab/dsse, protocol and envelope, version 1.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::keys::{KeyError, PublicKey, SigningKey};

/// The payload is an in-toto statement.
const STATEMENT: &str = "application/vnd.in-toto+json";

/// A signed payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Envelope {
    payload_type: String,
    payload: String,
    signatures: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    keyid: String,
    sig: String,
}

impl Envelope {
    pub(crate) fn sign(payload: &[u8], key: &SigningKey) -> Result<Self, KeyError> {
        let sig = key.sign(&signed_bytes(STATEMENT, payload))?;
        let signature = Signature { keyid: key.public().id(), sig: STANDARD.encode(sig) };
        Ok(Self { payload_type: STATEMENT.to_owned(), payload: STANDARD.encode(payload), signatures: vec![signature] })
    }

    /// An envelope that nobody has signed.
    pub(crate) fn unsigned(payload: &[u8]) -> Self {
        Self { payload_type: STATEMENT.to_owned(), payload: STANDARD.encode(payload), signatures: Vec::new() }
    }

    /// The one way in which we write it: what is read back has to be written the same, so that no byte is without meaning.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings are JSON") + "\n"
    }

    pub(crate) fn from_json(bytes: &[u8]) -> Result<Self, String> {
        let envelope: Self = serde_json::from_slice(bytes).map_err(|error| format!("is no DSSE envelope: {error}"))?;
        if envelope.to_json().as_bytes() != bytes {
            return Err("is not spelled as it was written".to_owned());
        }
        Ok(envelope)
    }

    pub(crate) fn is_signed(&self) -> bool {
        !self.signatures.is_empty()
    }

    /// The payload of an envelope that nobody vouches for.
    pub(crate) fn payload(&self) -> Result<Vec<u8>, String> {
        if self.payload_type != STATEMENT {
            return Err("holds no in-toto statement".to_owned());
        }
        STANDARD.decode(&self.payload).map_err(|_| "has a payload that is no base 64".to_owned())
    }

    /// The payload, if this key has signed it and no other has.
    pub(crate) fn verified(&self, key: &PublicKey) -> Result<Vec<u8>, String> {
        let payload = self.payload()?;
        let [signature] = self.signatures.as_slice() else {
            return Err(format!("has {} signatures, and not one", self.signatures.len()));
        };
        if signature.keyid != key.id() {
            return Err(format!("names the key {}, and not {}", short(&signature.keyid), short(&key.id())));
        }
        let sig = STANDARD.decode(&signature.sig).map_err(|_| "has a signature that is no base 64".to_owned())?;
        if !key.verifies(&signed_bytes(&self.payload_type, &payload), &sig) {
            return Err(format!("was not signed by the key {}", short(&key.id())));
        }
        Ok(payload)
    }
}

/// A key's name, short enough to read. What stands in an envelope may be anything.
pub(crate) fn short(id: &str) -> String {
    id.chars().filter(char::is_ascii_alphanumeric).take(16).collect()
}

/// What is signed: the type and the payload with their lengths (DSSE's pre-authentication encoding).
fn signed_bytes(kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::keys::KeyKind;

    #[test]
    fn what_is_signed_is_spelled_as_in_the_protocol() {
        // The example of the DSSE protocol's own text.
        assert_eq!(
            signed_bytes("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn an_envelope_opens_with_its_key_alone_and_in_one_spelling() {
        let key = || SigningKey::from_pem(&SigningKey::generate(KeyKind::Ed25519).unwrap()).unwrap();
        let (ours, other) = (key(), key());
        let json = Envelope::sign(b"payload", &ours).unwrap().to_json();
        let envelope = Envelope::from_json(json.as_bytes()).unwrap();
        assert_eq!(envelope.verified(ours.public()).unwrap(), b"payload");
        assert!(envelope.verified(other.public()).is_err());
        assert!(Envelope::unsigned(b"payload").verified(ours.public()).is_err());
        assert!(Envelope::from_json(json.trim_end().as_bytes()).is_err());
        let mut renamed = envelope.clone();
        renamed.payload_type = "text/plain".into();
        assert!(renamed.verified(ours.public()).is_err());
    }
}
