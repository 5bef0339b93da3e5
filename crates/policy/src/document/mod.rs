//! YAML text to a tree of nodes with spans. The only reader of policies, attacks and targets.
//!
//! It walks the parser's events, so that it sees what a typed reader hides: the spelling of numbers, duplicate keys after unescaping,
//! anchors, tags, several documents, invisible characters in comments. What a policy has no use for is a fault, not a surprise.
//!
//! Reading is bounded by the text's size, its depth and its number of values, whatever it says; the bounds are constants of this module.

mod build;
mod text;

use gauntlet_record::Location;
use serde::{Deserialize, Serialize};

use crate::file::MAX_POLICY_BYTES;

pub use build::{MAX_DEPTH, MAX_NODES};
pub use text::invisible;

/// A place in the text of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Span {
    /// The span of bytes `start..end` of `text`.
    #[must_use]
    pub fn of(text: &str, start: usize, end: usize) -> Self {
        let start = floor(text, start);
        let end = floor(text, end.max(start));
        let before = &text[..start];
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        Self {
            start,
            end,
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }

    /// The same place for a record.
    #[must_use]
    pub fn location(self, file: &str, text: &str) -> Location {
        let end = Self::of(text, self.end, self.end);
        Location {
            file: file.replace('\\', "/"),
            line: self.line,
            column: self.column,
            end_line: end.line,
            end_column: end.column,
        }
    }
}

fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

/// Something that is wrong with the shape of a file. Listed like a finding; the file is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The name of the fault, for example `unknown-key`.
    pub rule: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it; may be empty.
    pub fix: String,
    /// Where.
    pub span: Span,
}

/// A node of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it stands; for a mapping or sequence from its first to its last child.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A scalar, as it was written, and whether it stood without quotes.
    Scalar {
        /// The text after YAML's own unescaping.
        text: String,
        /// Written without quotes: only such a scalar can be a number, a boolean or null.
        plain: bool,
    },
    /// A mapping, in the order of the file.
    Mapping(Vec<Entry>),
    /// A sequence.
    Sequence(Vec<Node>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: Spanned<String>,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The value under a key, if this is a mapping that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Mapping(entries) => entries.iter().find(|entry| entry.key.value == key).map(|entry| &entry.value),
            Value::Scalar { .. } | Value::Sequence(_) => None,
        }
    }

    /// Replaces `{{name}}` by a value in every scalar.
    pub fn substitute(&mut self, name: &str, with: &str) {
        let pattern = format!("{{{{{name}}}}}");
        match &mut self.value {
            Value::Scalar { text, .. } => *text = text.replace(&pattern, with),
            Value::Mapping(entries) => entries.iter_mut().for_each(|entry| entry.value.substitute(name, with)),
            Value::Sequence(items) => items.iter_mut().for_each(|item| item.substitute(name, with)),
        }
    }
}

/// What one pass over a text found.
#[derive(Debug)]
pub(crate) struct Read {
    /// The tree; without what stood behind an error of syntax. `None` if there is no document, or if it is past a bound.
    pub(crate) root: Option<Node>,
    /// What is wrong, in the order of the text.
    pub(crate) faults: Vec<Fault>,
    /// Whether the tree holds all of the text. What is missing from it may stand behind the error otherwise.
    pub(crate) whole: bool,
}

/// Reads one document, and as much of a faulty one as can be read.
pub(crate) fn read(text: &str) -> Read {
    if text.len() as u64 > MAX_POLICY_BYTES {
        let fault = Fault {
            rule: "file-too-large",
            message: format!("larger than {MAX_POLICY_BYTES} bytes"),
            fix: String::new(),
            span: Span::of(&text[..floor(text, 1)], 0, 1),
        };
        return Read { root: None, faults: vec![fault], whole: false };
    }
    let mut faults = text::faults(text);
    let mut built = build::build(text);
    // A tab in the indentation is often an error of syntax, too, there or on a later line; it is said once.
    let tab = faults.iter().find(|fault| fault.rule == "tab-indentation").map(|fault| fault.span.line);
    built.faults.retain(|fault| {
        let syntax = matches!(fault.rule, "not-yaml" | "tab-indentation");
        !syntax || tab.is_none_or(|line| fault.span.line < line)
    });
    faults.append(&mut built.faults);
    if built.root.is_none() && faults.is_empty() {
        faults.push(Fault {
            rule: "empty-policy",
            message: "the file holds no document".into(),
            fix: "Write at least `version: 1`.".into(),
            span: Span::of(text, 0, 0),
        });
    }
    faults.sort_by_key(|fault| fault.span);
    Read { root: built.root, faults, whole: built.whole }
}

/// Reads one document.
///
/// # Errors
///
/// All faults that can be found in one pass. A fault of syntax ends the pass.
pub fn parse(text: &str) -> Result<Node, Vec<Fault>> {
    match read(text) {
        Read { root: Some(root), faults, .. } if faults.is_empty() => Ok(root),
        Read { faults, .. } => Err(faults),
    }
}

#[cfg(test)]
mod tests;
