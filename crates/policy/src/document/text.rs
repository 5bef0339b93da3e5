//! What the characters of a text already tell, before it is parsed: what a reviewer would not see as the reader does.

use super::{Fault, Span};

/// Most faults of one kind that are told of one text.
const MOST: usize = 20;

pub(super) fn faults(text: &str) -> Vec<Fault> {
    let mut faults = invisible(text);
    faults.append(&mut tabs(text));
    faults
}

/// Characters that make a reviewer see another text than the reader: bidirectional controls, zero width, fillers, a byte order mark, and
/// what breaks a line for some readers and not for others. At most twenty of them are listed.
#[must_use]
pub fn invisible(text: &str) -> Vec<Fault> {
    // The common case has none of them, and is told by its bytes.
    if text.bytes().all(|byte| byte.is_ascii() && !matches!(byte, b'\r' | 0)) {
        return Vec::new();
    }
    let bytes = text.as_bytes();
    text.char_indices()
        .filter(|(at, c)| hides(*c) || *c == '\r' && bytes.get(at + 1) != Some(&b'\n'))
        .take(MOST)
        .map(|(at, c)| Fault {
            rule: "invisible-characters",
            message: format!("invisible character U+{:04X}", u32::from(c)),
            fix: "Remove it: what a reviewer sees has to be what is read.".into(),
            span: Span::of(text, at, at + c.len_utf8()),
        })
        .collect()
}

const fn hides(c: char) -> bool {
    matches!(
        c,
        '\0' | '\u{85}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Lines whose indentation holds a tab. Blank lines and comments are no matter.
fn tabs(text: &str) -> Vec<Fault> {
    if !text.contains('\t') {
        return Vec::new();
    }
    let mut faults = Vec::new();
    let mut begin = 0;
    for line in text.split_inclusive('\n') {
        let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
        let rest = line[blank..].trim_end();
        if !rest.is_empty()
            && !rest.starts_with('#')
            && let Some(tab) = line[..blank].find('\t')
            && faults.len() < MOST
        {
            faults.push(Fault {
                rule: "tab-indentation",
                message: "a tab in the indentation".into(),
                fix: "Indent with spaces: how wide a tab is, readers differ.".into(),
                span: Span::of(text, begin + tab, begin + tab + 1),
            });
        }
        begin += line.len();
    }
    faults
}
