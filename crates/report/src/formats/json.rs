//! The record itself, as JSON.

use std::fmt::Write as _;
use std::io;

use gauntlet_record::{Record, is_printable};
use serde::Serialize;

use crate::{Options, WriteError};

pub(crate) fn write(record: &Record, _: &Options, out: &mut dyn io::Write) -> Result<(), WriteError> {
    out.write_all(pretty(record)?.as_bytes())?;
    Ok(())
}

/// Pretty JSON that a terminal or a CI log shows safely.
///
/// JSON's own escapes leave DEL, C1 and bidirectional controls as they are. They and `#` before `#` can only stand inside a string,
/// where an escape means the same.
pub(crate) fn pretty(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let json = serde_json::to_string_pretty(value)?;
    let mut out = String::with_capacity(json.len() + 1);
    let mut before = '\0';
    for c in json.chars() {
        if c == '\n' || (is_printable(c) && !(c == '#' && before == '#')) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
        before = c;
    }
    out.push('\n');
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unprintable_characters_are_escaped_and_mean_the_same() {
        let text = "a\u{7f}\u{9b}\u{202e}\u{e0001}##vso[x]\n\\##";
        let json = pretty(&text).unwrap();
        assert_eq!(json, "\"a\\u007f\\u009b\\u202e\\udb40\\udc01#\\u0023vso[x]\\n\\\\#\\u0023\"\n");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
