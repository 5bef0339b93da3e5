//! Shell text to commands and words, each with its place. Nothing is expanded: `$HOME` stays `$HOME`, and a rule judges it as it stands.

use std::ops::Range;

use super::MAX_NODES;

/// A word of a command: what it means after quoting, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// The word without its quotes.
    pub(super) text: String,
    /// Its bytes, quotes included.
    pub(super) at: Range<usize>,
}

impl Word {
    /// The bytes of a part of the word; all of them if quotes stand in between, since then nothing tells which they are.
    pub(super) fn part(&self, part: Range<usize>) -> Range<usize> {
        if self.at.len() == self.text.len() {
            self.at.start + part.start..self.at.start + part.end
        } else {
            self.at.clone()
        }
    }
}

/// The commands of a text, each a list of words; `None` if there are too many of them.
pub(super) fn commands(text: &str) -> Option<Vec<Vec<Word>>> {
    let mut reader =
        Reader { text, bytes: text.as_bytes(), at: 0, words: 0, commands: vec![Vec::new()], heredocs: Vec::new() };
    reader.run()?;
    reader.commands.retain(|command| !command.is_empty());
    Some(reader.commands)
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    words: usize,
    commands: Vec<Vec<Word>>,
    /// The ends of the here-documents that begin at the next line.
    heredocs: Vec<String>,
}

impl Reader<'_> {
    fn run(&mut self) -> Option<()> {
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\\' if self.peek(1) == Some(b'\n') => self.at += 2,
                b'\\' if self.peek(1) == Some(b'\r') && self.peek(2) == Some(b'\n') => self.at += 3,
                b'\n' => {
                    self.at += 1;
                    self.end();
                    self.skip_heredocs();
                }
                b';' | b'&' | b'|' | b'(' | b')' => {
                    self.at += 1;
                    self.end();
                }
                b'#' => self.skip_line(),
                b'<' | b'>' => self.redirection()?,
                _ => {
                    let word = self.word()?;
                    self.commands.last_mut()?.push(word);
                }
            }
        }
        Some(())
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn end(&mut self) {
        if self.commands.last().is_some_and(|command| !command.is_empty()) {
            self.commands.push(Vec::new());
        }
    }

    fn skip_line(&mut self) {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }

    /// What a redirection names is no word of the command.
    fn redirection(&mut self) -> Option<()> {
        let heredoc = self.bytes[self.at..].starts_with(b"<<") && self.peek(2) != Some(b'<');
        while matches!(self.peek(0), Some(b'<' | b'>' | b'&' | b'-' | b'|')) {
            self.at += 1;
        }
        while matches!(self.peek(0), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        if self.peek(0).is_some_and(|byte| !is_end(byte)) {
            let word = self.word()?;
            if heredoc {
                self.heredocs.push(word.text);
            }
        }
        Some(())
    }

    fn skip_heredocs(&mut self) {
        for end in std::mem::take(&mut self.heredocs) {
            while self.at < self.bytes.len() {
                let from = self.at;
                self.skip_line();
                let line = &self.text[from..self.at];
                self.at = (self.at + 1).min(self.bytes.len());
                if line.trim_matches(['\t', '\r']) == end {
                    break;
                }
            }
        }
    }

    fn word(&mut self) -> Option<Word> {
        self.words += 1;
        if self.words > MAX_NODES {
            return None;
        }
        let start = self.at;
        let mut out = Vec::new();
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\'' => {
                    let end = self.find(self.at + 1, b'\'');
                    out.extend_from_slice(&self.bytes[self.at + 1..end]);
                    self.at = (end + 1).min(self.bytes.len());
                }
                b'"' => self.double_quoted(&mut out),
                b'\\' if self.peek(1) == Some(b'\n') => self.at += 2,
                b'\\' if self.at + 1 < self.bytes.len() => {
                    out.push(self.bytes[self.at + 1]);
                    self.at += 2;
                }
                b'$' if matches!(self.peek(1), Some(b'(' | b'{')) => self.substitution(&mut out),
                b'`' => {
                    let end = (self.find(self.at + 1, b'`') + 1).min(self.bytes.len());
                    out.extend_from_slice(&self.bytes[self.at..end]);
                    self.at = end;
                }
                byte if is_end(byte) => break,
                byte => {
                    out.push(byte);
                    self.at += 1;
                }
            }
        }
        // An escape may stand before a character of several bytes, which then follow: what is put together is whole characters.
        Some(Word { text: String::from_utf8_lossy(&out).into_owned(), at: start..self.at })
    }

    fn double_quoted(&mut self, out: &mut Vec<u8>) {
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'"' => {
                    self.at += 1;
                    return;
                }
                b'\\' if matches!(self.peek(1), Some(b'"' | b'\\' | b'$' | b'`')) => {
                    out.push(self.bytes[self.at + 1]);
                    self.at += 2;
                }
                b'\\' if self.peek(1) == Some(b'\n') => self.at += 2,
                b'$' if matches!(self.peek(1), Some(b'(' | b'{')) => self.substitution(out),
                byte => {
                    out.push(byte);
                    self.at += 1;
                }
            }
        }
    }

    /// `$(...)` and `${...}` up to the bracket that closes them, as they stand.
    fn substitution(&mut self, out: &mut Vec<u8>) {
        let (open, close) = if self.peek(1) == Some(b'(') { (b'(', b')') } else { (b'{', b'}') };
        let start = self.at;
        let mut depth = 0_usize;
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            if byte == open {
                depth += 1;
            } else if byte == close {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
        }
        out.extend_from_slice(&self.bytes[start..self.at]);
    }

    fn find(&self, from: usize, wanted: u8) -> usize {
        let from = from.min(self.bytes.len());
        self.bytes[from..].iter().position(|byte| *byte == wanted).map_or(self.bytes.len(), |at| from + at)
    }
}

const fn is_end(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Vec<String>> {
        let commands = commands(text).unwrap();
        commands.into_iter().map(|command| command.into_iter().map(|word| word.text).collect()).collect()
    }

    #[test]
    fn words_are_what_a_shell_makes_of_them() {
        assert_eq!(words("a 'b c' \"d $E\" f\\ g # no\n"), [["a", "b c", "d $E", "f g"]]);
        assert_eq!(words("a \\\n  b && c | d; e\n"), [vec!["a", "b"], vec!["c"], vec!["d"], vec!["e"]]);
        assert_eq!(words("a --dir=\"$(pwd)/x\" ${B:-c d}\n"), [["a", "--dir=$(pwd)/x", "${B:-c d}"]]);
        assert_eq!(words("a > out 2>&1 < in\n"), [["a", "2"]]);
        assert_eq!(words("cat <<EOF\nit's text\nEOF\nb\n"), [["cat"], ["b"]]);
        assert_eq!(words("x=`date +%s` y#z\n"), [["x=`date +%s`", "y#z"]]);
    }

    #[test]
    fn places_point_at_the_words() {
        let text = "a --dir='/x' -Sb=c\n";
        let command = &commands(text).unwrap()[0];
        assert_eq!(&text[command[1].at.clone()], "--dir='/x'");
        assert_eq!(&text[command[1].part(6..8)], "--dir='/x'");
        assert_eq!(&text[command[2].part(2..5)], "b=c");
    }

    #[test]
    fn what_is_cut_or_endless_ends() {
        for text in ["'", "\"", "\"\\", "\\", "$(", "${", "`", "<<", "<<EOF", "<<'E\n", "a \\\r", "$((((", "\"$("] {
            let _ = commands(text);
        }
        assert!(commands(&"a ".repeat(30_000)).is_none());
        assert!(commands(&"$(".repeat(100_000)).is_some());
    }
}
