//! The record itself, as JSON.

use std::io::{self, Write as _};

use gauntlet_record::{Record, is_printable};
use serde::Serialize;

use crate::{Options, WriteError};

pub(crate) fn write(record: &Record, _: &Options, out: &mut dyn io::Write) -> Result<(), WriteError> {
    pretty(record, out)
}

/// Pretty JSON that a terminal or a CI log shows safely.
///
/// JSON's own escapes leave DEL, C1 and bidirectional controls as they are. They and `#` before `#` can only stand inside a string,
/// where an escape means the same.
pub(crate) fn pretty(value: &impl Serialize, out: &mut dyn io::Write) -> Result<(), WriteError> {
    let mut out = io::BufWriter::with_capacity(1 << 16, out);
    serde_json::to_writer_pretty(Printable { out: &mut out, after_hash: false }, value)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}

/// Escapes what is not printable on its way through. The serializer hands over whole characters.
struct Printable<'a, W> {
    out: &'a mut W,
    after_hash: bool,
}

impl<W: io::Write> io::Write for Printable<'_, W> {
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

    #[test]
    fn unprintable_characters_are_escaped_and_mean_the_same() {
        let text = "a\u{7f}\u{9b}\u{202e}\u{e0001}##vso[x]\n\\##";
        let mut json = Vec::new();
        pretty(&text, &mut json).unwrap();
        let json = String::from_utf8(json).unwrap();
        assert_eq!(json, "\"a\\u007f\\u009b\\u202e\\udb40\\udc01#\\u0023vso[x]\\n\\\\#\\u0023\"\n");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
