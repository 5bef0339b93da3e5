//! YAML text to a tree of nodes with spans. The only reader of policies, attacks and targets.
//!
//! It walks the parser's events, so that it sees what a typed reader hides: the spelling of numbers, duplicate keys after unescaping,
//! anchors, tags, several documents, invisible characters in comments. What a policy has no use for is a fault, not a surprise.

use std::borrow::Cow;

use gauntlet_record::Location;
use granit_parser::{Event, Parser, ScalarStyle};
use serde::{Deserialize, Serialize};

/// Deepest nesting of a document.
const MAX_DEPTH: usize = 32;
/// Most nodes of a document.
const MAX_NODES: usize = 20_000;

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

/// Reads one document.
///
/// # Errors
///
/// All faults that can be found in one pass. A fault of syntax ends the pass.
pub fn parse(text: &str) -> Result<Node, Vec<Fault>> {
    let mut faults = invisible(text);
    let mut builder = Builder { text, faults: Vec::new(), nodes: 0, root: None, stack: Vec::new(), documents: 0 };
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => {
                let (start, end) = span.byte_range().map_or((0, 0), |range| (range.start, range.end));
                // The parser counts lines as it goes; counting them again for every value would take the square of the file's size.
                let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
                let span = Span { start, end, line: small(span.start.line()), column: small(span.start.col() + 1) };
                if !builder.event(event, span) {
                    break;
                }
            }
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(text.len());
                builder.fault("not-yaml", format!("not YAML: {}", error.info()), "", Span::of(text, at, at + 1));
                break;
            }
        }
    }
    let root = builder.root.take();
    faults.append(&mut builder.faults);
    match root {
        Some(root) if faults.is_empty() => Ok(root),
        root => {
            if root.is_none() && faults.is_empty() {
                let fix = "Write at least `version: 1`.".to_owned();
                faults.push(Fault {
                    rule: "empty-policy",
                    message: "the file holds no document".into(),
                    fix,
                    span: Span::of(text, 0, 0),
                });
            }
            faults.sort_by_key(|fault| fault.span);
            Err(faults)
        }
    }
}

/// Characters that make a reviewer see another text than the reader: bidirectional controls, zero width, a byte order mark.
/// At most twenty of them are listed.
#[must_use]
pub fn invisible(text: &str) -> Vec<Fault> {
    let bad = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{61c}' | '\u{ad}' | '\0');
    text.char_indices()
        .filter(|(_, c)| bad(*c))
        .take(20)
        .map(|(at, c)| Fault {
            rule: "invisible-characters",
            message: format!("invisible character U+{:04X}", u32::from(c)),
            fix: "Remove it: what a reviewer sees has to be what is read.".into(),
            span: Span::of(text, at, at + c.len_utf8()),
        })
        .collect()
}

enum Open {
    Mapping { span: Span, entries: Vec<Entry>, key: Option<Spanned<String>> },
    Sequence { span: Span, items: Vec<Node> },
}

struct Builder<'a> {
    text: &'a str,
    faults: Vec<Fault>,
    nodes: usize,
    root: Option<Node>,
    stack: Vec<Open>,
    documents: usize,
}

impl Builder<'_> {
    fn fault(&mut self, rule: &'static str, message: impl Into<String>, fix: &str, span: Span) {
        self.faults.push(Fault { rule, message: message.into(), fix: fix.to_owned(), span });
    }

    /// Takes one event; false ends the pass.
    fn event(&mut self, event: Event<'_>, span: Span) -> bool {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.fault("several-documents", "a second document in one file", "Keep one document a file.", span);
                    return false;
                }
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.fault(
                    "anchors-used",
                    "an alias",
                    "Write the value out: what applies where has to be plain.",
                    span,
                );
                return false;
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.properties(anchor, tag.is_some(), span);
                let plain = style == ScalarStyle::Plain;
                return self.count(span) && self.scalar(text, plain, span);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.properties(anchor, tag.is_some(), span);
                return self.count(span) && self.open(Open::Sequence { span, items: Vec::new() }, span);
            }
            Event::MappingStart(_, anchor, tag) => {
                self.properties(anchor, tag.is_some(), span);
                return self.count(span) && self.open(Open::Mapping { span, entries: Vec::new(), key: None }, span);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.stack.pop() {
                    let node = match open {
                        Open::Sequence { span: start, items } => {
                            let end =
                                items.last().map_or(span.end, |item| item.span.end).max(span.end.min(self.text.len()));
                            Node { span: Span { end, ..start }, value: Value::Sequence(items) }
                        }
                        Open::Mapping { span: start, entries, .. } => {
                            let end = entries.last().map_or(span.end, |entry| entry.value.span.end).max(start.end);
                            Node { span: Span { end, ..start }, value: Value::Mapping(entries) }
                        }
                    };
                    self.put(node);
                }
            }
            // The rest carries no data: ends of documents, and what the parser's optional features add.
            _ => {}
        }
        true
    }

    fn properties(&mut self, anchor: usize, tagged: bool, span: Span) {
        if anchor != 0 {
            self.fault("anchors-used", "an anchor", "Write the value out: what applies where has to be plain.", span);
        }
        if tagged {
            self.fault("tag-used", "a tag", "Remove the tag: it hides the value.", span);
        }
    }

    fn count(&mut self, span: Span) -> bool {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            self.fault("file-too-large", format!("more than {MAX_NODES} values"), "", span);
            return false;
        }
        true
    }

    fn open(&mut self, open: Open, span: Span) -> bool {
        if self.stack.len() >= MAX_DEPTH {
            self.fault("nesting-too-deep", format!("nested deeper than {MAX_DEPTH} levels"), "", span);
            return false;
        }
        if let (Open::Mapping { .. } | Open::Sequence { .. }, Some(Open::Mapping { key: None, .. })) =
            (&open, self.stack.last())
        {
            self.fault("not-a-key", "a mapping or sequence as a key", "Use a plain name as the key.", span);
            return false;
        }
        self.stack.push(open);
        true
    }

    fn scalar(&mut self, text: Cow<'_, str>, plain: bool, span: Span) -> bool {
        if let Some(Open::Mapping { entries, key: key @ None, .. }) = self.stack.last_mut() {
            let name = text.into_owned();
            let duplicate = entries.iter().find(|entry| entry.key.value == name).map(|entry| entry.key.span.line);
            let merge = plain && name == "<<";
            *key = Some(Spanned { value: name.clone(), span });
            if let Some(line) = duplicate {
                let message = format!("`{name}` is already set on line {line}");
                self.fault("duplicate-key", message, "Keep one of them: readers differ about which one wins.", span);
            }
            if merge {
                self.fault(
                    "merge-key-used",
                    "a merge key",
                    "Write the keys out: readers differ about what a merge key does.",
                    span,
                );
            }
            return true;
        }
        self.put(Node { span, value: Value::Scalar { text: text.into_owned(), plain } });
        true
    }

    fn put(&mut self, node: Node) {
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Open::Sequence { items, .. }) => items.push(node),
            Some(Open::Mapping { entries, key, .. }) => {
                if let Some(key) = key.take() {
                    entries.push(Entry { key, value: node });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<&'static str> {
        parse(text).err().map(|faults| faults.iter().map(|fault| fault.rule).collect()).unwrap_or_default()
    }

    #[test]
    fn what_a_typed_reader_hides_is_a_fault() {
        assert_eq!(rules(""), ["empty-policy"]);
        assert_eq!(rules("# only a comment\n"), ["empty-policy"]);
        assert_eq!(rules("a: 1\n\"\\x61\": 2\n"), ["duplicate-key"]);
        assert_eq!(rules("a: &x 1\nb: *x\n"), ["anchors-used", "anchors-used"]);
        assert_eq!(rules("a: !!binary aGVsbG8=\n"), ["tag-used"]);
        assert_eq!(rules("a: 1\n---\nb: 2\n"), ["several-documents"]);
        assert_eq!(rules("# \u{202e}\na: 1\n"), ["invisible-characters"]);
        assert_eq!(rules("\u{feff}a: 1\n"), ["invisible-characters"]);
        assert_eq!(rules("<<: { a: 1 }\n"), ["merge-key-used"]);
        assert_eq!(rules("a:\n\t- b\n"), ["not-yaml"]);
        assert_eq!(rules("{{a: 1}: 2}\n"), ["not-a-key"]);
    }

    #[test]
    fn bombs_end_early() {
        assert_eq!(rules(&"[".repeat(100_000)), ["not-yaml"]);
        assert_eq!(rules(&("[".repeat(40) + &"]".repeat(40))), ["nesting-too-deep"]);
        let laughs = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\n";
        assert!(rules(laughs).contains(&"anchors-used"));
        assert_eq!(rules(&"- 1\n".repeat(30_000)), ["file-too-large"]);
    }

    #[test]
    fn spans_point_at_the_text() {
        let text = "version: 1\nlimits:\n  memory: 64MiB\n";
        let root = parse(text).unwrap();
        let memory = root.get("limits").and_then(|limits| limits.get("memory")).unwrap();
        assert_eq!(&text[memory.span.start..memory.span.end], "64MiB");
        assert_eq!((memory.span.line, memory.span.column), (3, 11));
    }

    #[test]
    fn the_spelling_of_scalars_is_kept() {
        let root = parse("a: 0x10\nb: no\nc: 'no'\n").unwrap();
        assert_eq!(root.get("a").unwrap().value, Value::Scalar { text: "0x10".into(), plain: true });
        assert_eq!(root.get("c").unwrap().value, Value::Scalar { text: "no".into(), plain: false });
    }
}
