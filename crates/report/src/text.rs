//! Strings of a record, made safe before a format's own escaping.

use std::borrow::Cow;
use std::fmt::Write as _;

use gauntlet_record::{GuestText, Unit, is_printable};

/// Most characters of one string that a report shows. Nothing that Gauntlet writes is longer; a hostile record may be.
const MAX_CHARS: usize = 4_096;

/// What opens a command to a CI server wherever it stands in a line.
const COMMANDS: &[&str] = &["##[", "##vso[", "##teamcity["];

/// A part of a line: our words and the record's, or a guest's.
///
/// The two are kept apart because a guest's text is shown as such (isolated, as code) and because its escaping may have been lifted
/// on purpose, which [`GuestText::is_raw`] says.
#[derive(Debug, Clone)]
pub(crate) enum Piece<'a> {
    /// Our words, or a string of the record. Formats escape it all the same.
    Plain(Cow<'a, str>),
    /// A guest's text.
    Guest(&'a GuestText),
}

/// One line of evidence.
pub(crate) type Line<'a> = Vec<Piece<'a>>;

impl<'a> From<&'a str> for Piece<'a> {
    fn from(text: &'a str) -> Self {
        Self::Plain(text.into())
    }
}

impl From<String> for Piece<'_> {
    fn from(text: String) -> Self {
        Self::Plain(text.into())
    }
}

/// A guest's text as pieces: with how long it was, if it was cut.
pub(crate) fn guest(text: &GuestText) -> Line<'_> {
    let mut line = vec![Piece::Guest(text)];
    if text.was_cut() {
        line.push(format!(" (cut; {} in all)", Unit::Bytes.show(text.bytes())).into());
    }
    line
}

/// Puts lines together into one.
pub(crate) fn join<'a>(lines: Vec<Line<'a>>, separator: &'static str) -> Line<'a> {
    let mut out = Line::new();
    for line in lines {
        if !out.is_empty() {
            out.push(separator.into());
        }
        out.extend(line);
    }
    out
}

/// A string as one printable line without commands to a CI server, and cut.
///
/// Text that is already escaped stays as it is. Templates never begin a line with such text, so `::` needs no care.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let clean = text.chars().all(is_printable) && !text.contains("##") && text.len() <= MAX_CHARS;
    if clean {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(4 * MAX_CHARS));
    for (count, (at, c)) in text.char_indices().enumerate() {
        if count == MAX_CHARS {
            out.push_str(" (cut)");
            break;
        }
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '#' if COMMANDS.iter().any(|command| text[at..].starts_with(command)) => out.push_str("\\u{23}"),
            c if is_printable(c) => out.push(c),
            c => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    Cow::Owned(out)
}

/// A line as plain text. The one place where escaping that was lifted on purpose shows in it.
pub(crate) fn flat(line: &Line<'_>) -> String {
    line.iter()
        .map(|piece| match piece {
            Piece::Plain(text) => plain(text),
            Piece::Guest(text) if text.is_raw() => Cow::Borrowed(text.as_str()),
            Piece::Guest(text) => plain(text.as_str()),
        })
        .collect()
}

/// `1 attack`, `2 attacks`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("{number} {noun}") } else { format!("{number} {noun}s") }
}

/// At most `most` characters of a text, with an ellipsis where it was cut.
pub(crate) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.chars().count() <= most {
        return Cow::Borrowed(text);
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    Cow::Owned(kept + "…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_commands_are_shown_escaped_and_escaped_text_stays() {
        assert_eq!(plain("a\x1b[31m\nb\u{202e}\u{9b}"), "a\\u{1b}[31m\\nb\\u{202e}\\u{9b}");
        assert_eq!(plain("x ##vso[task] ##[group] ###[x]"), "x \\u{23}#vso[task] \\u{23}#[group] #\\u{23}#[x]");
        assert_eq!(plain("a\\nb ## c"), "a\\nb ## c");
    }

    #[test]
    fn endless_text_is_cut() {
        assert!(plain(&"é".repeat(1_000_000)).len() < 4 * MAX_CHARS);
    }
}
