//! Text of a policy on its way to a finding, a terminal or a CI server: hostile until it is reviewed.

use gauntlet_record::GuestText;

use crate::secrets;

/// Most bytes of a policy's text in one message.
const MAX_MESSAGE_BYTES: usize = 400;
/// Most bytes of a line that is shown.
const MAX_LINE_BYTES: usize = 4096;

/// Escapes and cuts a message, and hides what looks like a secret in it.
pub(crate) fn message(text: &str) -> String {
    let near = text.char_indices().nth(MAX_LINE_BYTES).map_or(text, |(at, _)| &text[..at]);
    tame(&secrets::hide(near), MAX_MESSAGE_BYTES)
}

/// Escapes and cuts one line.
pub(crate) fn line(text: &str) -> String {
    tame(text, MAX_LINE_BYTES)
}

/// A file's name as a location has it: forward slashes, escaped.
pub(crate) fn file(name: &str) -> String {
    line(&name.replace('\\', "/"))
}

/// Escapes what a terminal or a CI server could take for a command. What is harmless stays as it is, so that escaping twice is escaping
/// once; some CI servers look for `##[` and `##vso[` anywhere in a line.
fn tame(text: &str, keep: usize) -> String {
    let mut shown = if is_plain(text, keep) {
        text.to_owned()
    } else {
        let escaped = GuestText::new(text.as_bytes(), keep);
        let mut shown = if escaped.was_tamed() { escaped.as_str().to_owned() } else { text.to_owned() };
        if escaped.was_cut() {
            shown.push('…');
        }
        shown
    };
    for command in ["##[", "##vso["] {
        if shown.contains(command) {
            shown = shown.replace(command, &format!("\\u{{23}}{}", &command[1..]));
        }
    }
    shown
}

/// Whether a text, as most are, has nothing in it that could be escaped or cut.
fn is_plain(text: &str, keep: usize) -> bool {
    text.len() <= keep && !text.starts_with([':', '#']) && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// How a character of a shown line appears, if not as itself.
pub(crate) fn character(c: char) -> Option<String> {
    if matches!(c, ' '..='~') {
        return None;
    }
    let mut buffer = [b'x', 0, 0, 0, 0];
    let length = c.encode_utf8(&mut buffer[1..]).len();
    let text = GuestText::new(&buffer[..=length], buffer.len());
    (text.was_tamed()).then(|| text.as_str()[1..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaping_twice_is_escaping_once() {
        for text in ["plain", "a\\b", "\u{1b}[31mred", "::error::x", "see ##vso[task] and ##[group]", "\u{202e}"] {
            let once = message(text);
            assert_eq!(message(&once), once);
            assert!(!once.contains(['\u{1b}', '\u{202e}']));
            assert!(!once.contains("##vso[") && !once.contains("##[") && !once.starts_with(':'));
        }
        assert_eq!(message("a\\b"), "a\\b");
    }

    #[test]
    fn long_text_is_cut() {
        assert!(message(&"x".repeat(100_000)).len() < 500);
    }

    #[test]
    fn a_secret_in_a_message_is_hidden() {
        assert!(!message("`fuel` is `AKIAIOSFODNN7EXAMPLE`").contains("IOSFODNN7"));
    }
}
