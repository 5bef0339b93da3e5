//! Text that a guest chose. It reaches a record escaped and cut, and no format sees it otherwise.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most bytes of a guest's name (function, import, file) that a record keeps.
pub const MAX_NAME_BYTES: usize = 256;
/// Most bytes of a guest's output that a record keeps of each stream.
pub const MAX_TEXT_BYTES: usize = 2048;

/// Text chosen by a guest, escaped to one printable line and cut.
///
/// Control characters (C0, C1, DEL), bidirectional and other invisible formatting characters and bytes that are not UTF-8 appear as
/// `\n`, `\u{1b}` or `\xff`; the backslash itself is doubled, so that what was escaped can be told from what was written. No escaped
/// text starts a CI command: a leading `:` or `#` is escaped too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, Default)]
pub struct GuestText {
    /// The escaped text, on one line.
    text: String,
    /// How many bytes the guest gave, before the cut.
    bytes: u64,
    /// How many characters had to be escaped in the part that was kept.
    escaped: u64,
    /// Whether something was cut off.
    cut: bool,
    /// Set by executors that are broken on purpose: the text is what the guest wrote, and formats do not escape it either.
    #[serde(skip)]
    raw: bool,
}

impl GuestText {
    /// Escapes and cuts what a guest wrote, keeping at most `keep` bytes of it.
    #[must_use]
    pub fn new(bytes: &[u8], keep: usize) -> Self {
        let kept = &bytes[..bytes.len().min(keep)];
        let mut text = String::with_capacity(kept.len());
        let mut escaped = 0;
        for chunk in kept.utf8_chunks() {
            for c in chunk.valid().chars() {
                if text.is_empty() && matches!(c, ':' | '#') {
                    let _ = write!(text, "\\u{{{:x}}}", u32::from(c));
                    escaped += 1;
                } else if c == '\\' {
                    text.push_str("\\\\");
                } else if is_printable(c) {
                    text.push(c);
                } else {
                    escaped += 1;
                    match c {
                        '\n' => text.push_str("\\n"),
                        '\r' => text.push_str("\\r"),
                        '\t' => text.push_str("\\t"),
                        _ => {
                            let _ = write!(text, "\\u{{{:x}}}", u32::from(c));
                        }
                    }
                }
            }
            for byte in chunk.invalid() {
                escaped += 1;
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
        Self { text, bytes: bytes.len() as u64, escaped, cut: kept.len() < bytes.len(), raw: false }
    }

    /// A guest's name, cut at [`MAX_NAME_BYTES`].
    #[must_use]
    pub fn name(name: &str) -> Self {
        Self::new(name.as_bytes(), MAX_NAME_BYTES)
    }

    /// What the guest wrote, as it is. Only for reports that are broken on purpose and for the live controls of report attacks.
    #[doc(hidden)]
    #[must_use]
    pub fn unescaped(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        Self { text, bytes: bytes.len() as u64, escaped: 0, cut: false, raw: true }
    }

    /// The escaped text: one line, printable, safe for a terminal. Formats with a syntax of their own escape that on top.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same text with parts of it replaced, for redaction. What takes their place has to be printable.
    #[must_use]
    pub fn map(&self, replace: impl FnOnce(&str) -> String) -> Self {
        Self { text: replace(&self.text), ..self.clone() }
    }

    /// How many bytes the guest gave.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether anything was escaped or cut.
    #[must_use]
    pub fn was_tamed(&self) -> bool {
        self.escaped > 0 || self.cut
    }

    /// Whether something was cut off.
    #[must_use]
    pub fn was_cut(&self) -> bool {
        self.cut
    }

    /// Whether escaping was lifted on purpose; a format then writes the text as it is.
    #[doc(hidden)]
    #[must_use]
    pub fn is_raw(&self) -> bool {
        self.raw
    }
}

/// Whether a character shows as itself on every terminal: no control, no bidirectional override, nothing invisible.
#[must_use]
pub fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_invalid_bytes_are_shown_escaped() {
        let text = GuestText::new(b"a\x1b[31m\nb\xff\\", 100);
        assert_eq!(text.as_str(), "a\\u{1b}[31m\\nb\\xff\\\\");
        assert!(text.was_tamed());
        assert!(!text.was_cut());
    }

    #[test]
    fn a_ci_command_never_starts_the_text() {
        assert!(GuestText::name("::error::x").as_str().starts_with("\\u{3a}"));
        assert!(GuestText::name("##vso[x]").as_str().starts_with("\\u{23}"));
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        let text = GuestText::name(&"x".repeat(1_000_000));
        assert_eq!(text.as_str().len(), MAX_NAME_BYTES);
        assert_eq!(text.bytes(), 1_000_000);
        assert!(text.was_cut());
    }

    #[test]
    fn bidirectional_overrides_are_escaped() {
        assert_eq!(GuestText::name("a\u{202e}b\u{200b}").as_str(), "a\\u{202e}b\\u{200b}");
    }
}
