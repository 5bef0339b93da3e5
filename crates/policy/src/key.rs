//! Public keys as policies write them: Ed25519, in the spellings that the usual tools print.

use std::fmt;

/// A public key of Ed25519, 32 bytes.
///
/// ```
/// use gauntlet_policy::PublicKey;
///
/// let hex = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
/// let key = PublicKey::parse(hex).unwrap();
/// assert_eq!(key.to_string(), hex);
/// assert_eq!(PublicKey::parse("MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="), Some(key));
/// assert_eq!(PublicKey::parse("not a key"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey([u8; 32]);

/// What stands before the key in its DER form (RFC 8410, section 4).
const DER: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// What stands before the key in an OpenSSH blob: its kind and lengths (RFC 8709, section 4).
const OPENSSH: &[u8] = b"\0\0\0\x0bssh-ed25519\0\0\0\x20";
/// The byte that stands before the key in a key file of the module signing tools.
const TOOL: u8 = 1;

impl PublicKey {
    /// Reads a key: 64 hex digits (or 66, with the first byte `01` of a key file of the signing tools); base64 of the key, of its key file
    /// or of its DER form; a PEM block; or a line of OpenSSH, `ssh-ed25519 AAAA...`. `None` if it is none of these.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(block) = text.strip_prefix("-----BEGIN PUBLIC KEY-----") {
            let body: String = block.strip_suffix("-----END PUBLIC KEY-----")?.split_whitespace().collect();
            return Self::bytes(base64(&body)?.strip_prefix(&DER)?);
        }
        if let Some(line) = text.strip_prefix("ssh-ed25519 ") {
            return Self::bytes(base64(line.split_whitespace().next()?)?.strip_prefix(OPENSSH)?);
        }
        let bytes = hex(text).or_else(|| base64(text))?;
        match bytes.as_slice() {
            [TOOL, key @ ..] if key.len() == 32 => Self::bytes(key),
            key if key.len() == 32 => Self::bytes(key),
            other => Self::bytes(other.strip_prefix(&DER)?),
        }
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks_exact(2);
    if !pairs.remainder().is_empty() || text.is_empty() {
        return None;
    }
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// Standard base64, with or without its padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    if text.len() % 4 == 1 || text.len() > 4096 {
        return None;
    }
    let mut out = Vec::with_capacity(text.len());
    for chunk in text.as_bytes().chunks(4) {
        let mut bits = 0u32;
        for byte in chunk {
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        bits <<= 6 * (4 - chunk.len());
        let [_, bytes @ ..] = bits.to_be_bytes();
        out.extend_from_slice(&bytes[..chunk.len() - 1]);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    #[test]
    fn every_spelling_is_the_same_key() {
        let key = PublicKey::parse(HEX).unwrap();
        for text in [
            format!("01{HEX}"),
            "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=".into(),
            "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo".into(),
            "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n".into(),
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea somebody".into(),
        ] {
            assert_eq!(PublicKey::parse(&text), Some(key), "{text}");
        }
    }

    #[test]
    fn what_is_no_key_is_none() {
        for text in [
            "",
            "d7",
            "=",
            &HEX[2..],
            &format!("{HEX}00"),
            &format!("02{HEX}"),
            "ssh-ed25519",
            "ssh-ed25519 AAAA",
            "ssh-rsa AAAA",
        ] {
            assert_eq!(PublicKey::parse(text), None, "{text}");
        }
        assert_eq!(PublicKey::parse("-----BEGIN PUBLIC KEY-----"), None);
    }
}
