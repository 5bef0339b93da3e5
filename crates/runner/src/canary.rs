//! Canaries: random words that stand outside of what a guest was granted. Wherever one turns up, something leaked.

use std::fmt::Write as _;
use std::io;

/// The canary of one run, in the spellings that it is looked for in.
#[derive(Debug, Clone)]
pub(crate) struct Canary {
    forms: Vec<Vec<u8>>,
}

impl Canary {
    /// Looks for a word as it is, reversed, and in hex.
    pub(crate) fn new(word: &str) -> Self {
        let reversed: String = word.chars().rev().collect();
        let mut hex = String::new();
        for byte in word.bytes() {
            let _ = write!(hex, "{byte:02x}");
        }
        let forms = [word.to_owned(), reversed, word.to_uppercase(), hex.to_uppercase(), hex];
        Self { forms: forms.into_iter().map(String::into_bytes).collect() }
    }

    /// Whether it stands in some bytes.
    pub(crate) fn in_bytes(&self, bytes: &[u8]) -> bool {
        self.forms.iter().any(|form| find(bytes, form))
    }
}

/// Whether a word stands in some bytes; skips ahead by what the last byte under the word allows (Horspool), since output is long.
pub(crate) fn find(bytes: &[u8], word: &[u8]) -> bool {
    let Some(last) = word.len().checked_sub(1) else { return true };
    let mut skip = [word.len(); 256];
    for (index, byte) in word[..last].iter().enumerate() {
        skip[usize::from(*byte)] = last - index;
    }
    let mut at = 0;
    while let Some(window) = bytes.get(at..at + word.len()) {
        if window == word {
            return true;
        }
        at += skip[usize::from(window[last])];
    }
    false
}

/// Random hex digits, two a byte, from the system.
///
/// # Errors
///
/// If the system has no random numbers.
pub(crate) fn random_hex(bytes: usize) -> io::Result<String> {
    let mut buffer = vec![0_u8; bytes];
    let mut filled = 0;
    while filled < bytes {
        filled += rustix::rand::getrandom(&mut buffer[filled..], rustix::rand::GetRandomFlags::empty())?;
    }
    Ok(buffer.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_found_in_each_of_its_spellings() {
        let canary = Canary::new("0123456789abcdef0123456789abcdef");
        assert!(canary.in_bytes(b"xx0123456789abcdef0123456789abcdefyy"));
        assert!(canary.in_bytes(b"\n0123456789ABCDEF0123456789ABCDEF"));
        assert!(canary.in_bytes(b"fedcba9876543210fedcba9876543210"));
        assert!(canary.in_bytes(b"3031323334353637383961626364656630313233343536373839616263646566"));
        assert!(!canary.in_bytes(b"0123456789abcdef0123456789abcde"));
        assert!(!canary.in_bytes(b""));
    }

    #[test]
    fn a_word_is_found_wherever_it_stands() {
        for padding in 0..40 {
            let text = format!("{}needle", "e".repeat(padding));
            assert!(find(text.as_bytes(), b"needle"), "{padding}");
        }
        assert!(!find(b"needl", b"needle"));
    }

    #[test]
    fn random_words_differ() {
        let word = random_hex(16).unwrap();
        assert_eq!(word.len(), 32);
        assert_ne!(word, random_hex(16).unwrap());
    }
}
