//! JSON as saved records are written: safe to print, and one trial a line.

use std::io::{self, BufWriter, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use crate::{Record, is_printable};

/// How deep a record is laid out over lines: its own keys, and the entries of their lists. A record of thousands of trials is half as
/// large as laid out in full, and two of them still differ by lines.
const DEPTH: usize = 2;

/// Writes a record as it is sealed.
///
/// # Errors
///
/// If the output does not take it.
pub fn write_json(record: &Record, out: &mut dyn Write) -> io::Result<()> {
    write_lines(record, DEPTH, out)
}

/// Writes any value as JSON that a terminal or a CI log shows safely, laid out over lines down to a depth.
///
/// JSON's own escapes leave DEL, C1 and bidirectional controls as they are. They and `#` before `#` can only stand inside a string,
/// where an escape means the same.
///
/// # Errors
///
/// If the output does not take it, or the value is no JSON.
pub fn write_lines(value: &impl Serialize, depth: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    let printable = Printable { out: &mut out, after_hash: false };
    let layout = Layout { depth: 0, most: depth, pretty: PrettyFormatter::new() };
    value.serialize(&mut serde_json::Serializer::with_formatter(printable, layout))?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Pretty down to a depth, compact below it.
struct Layout {
    depth: usize,
    most: usize,
    pretty: PrettyFormatter<'static>,
}

macro_rules! both {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => {
        $(fn $name<W: ?Sized + Write>(&mut self, out: &mut W $(, $argument: $kind)*) -> io::Result<()> {
            if self.depth > self.most { CompactFormatter.$name(out $(, $argument)*) } else { self.pretty.$name(out $(, $argument)*) }
        })*
    };
}

impl Layout {
    fn open(&mut self) {
        self.depth += 1;
    }
}

impl Formatter for Layout {
    both! {
        begin_array_value(first: bool);
        end_array_value();
        begin_object_key(first: bool);
        begin_object_value();
        end_object_value();
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open();
        if self.depth > self.most { CompactFormatter.begin_array(out) } else { self.pretty.begin_array(out) }
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        let inner = self.depth > self.most;
        self.depth -= 1;
        if inner { CompactFormatter.end_array(out) } else { self.pretty.end_array(out) }
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open();
        if self.depth > self.most { CompactFormatter.begin_object(out) } else { self.pretty.begin_object(out) }
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        let inner = self.depth > self.most;
        self.depth -= 1;
        if inner { CompactFormatter.end_object(out) } else { self.pretty.end_object(out) }
    }
}

/// Escapes what is not printable on its way through. The serializer hands over whole characters.
struct Printable<'a, W> {
    out: &'a mut W,
    after_hash: bool,
}

impl<W: Write> Write for Printable<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let plain = |byte: &u8| matches!(byte, b'\n' | b' '..=b'"' | b'$'..=b'~');
        if bytes.iter().all(plain) {
            self.after_hash &= bytes.is_empty();
            self.out.write_all(bytes)?;
            return Ok(bytes.len());
        }
        let text = std::str::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        for c in text.chars() {
            if c == '\n' || (is_printable(c) && !(c == '#' && self.after_hash)) {
                self.out.write_all(c.encode_utf8(&mut [0; 4]).as_bytes())?;
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(self.out, "\\u{unit:04x}")?;
                }
            }
            self.after_hash = c == '#';
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    fn written(value: &impl Serialize, depth: usize) -> String {
        let mut out = Vec::new();
        write_lines(value, depth, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn unprintable_characters_are_escaped_and_mean_the_same() {
        let text = "a\u{7f}\u{9b}\u{202e}\u{e0001}##vso[x]\n\\##";
        let json = written(&text, 9);
        assert_eq!(json, "\"a\\u007f\\u009b\\u202e\\udb40\\udc01#\\u0023vso[x]\\n\\\\#\\u0023\"\n");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }

    #[test]
    fn a_record_has_a_line_for_each_trial_and_reads_back() {
        let json = written(&example(), DEPTH);
        assert_eq!(serde_json::from_str::<Record>(&json).unwrap(), example());
        let trials = json.lines().filter(|line| line.starts_with("    {\"attack\":")).count();
        assert_eq!(trials, example().trials.len());
    }

    #[test]
    fn every_depth_means_the_same() {
        let value = serde_json::to_value(example()).unwrap();
        for depth in 0..9 {
            assert_eq!(serde_json::from_str::<serde_json::Value>(&written(&value, depth)).unwrap(), value, "{depth}");
        }
        assert_eq!(written(&value, usize::MAX), serde_json::to_string_pretty(&value).unwrap() + "\n");
    }
}
